"""The import statements of a module of a folder, which name the modules beside it: see `_folders`."""

import ast
from collections.abc import Callable


def parse(source: bytes | str, path: str, full_name: Callable[[str], str]) -> ast.Module:
    """Parse a module, and have its import statements name the modules beside it in full.

    Args:
        source: the text of the file.
        path: its path, for messages.
        full_name: returns the name that is imported for a name in an import statement.

    Raises:
        SyntaxError, ValueError: it is no Python, as `compile` finds.
    """
    tree = compile(source, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    changed: ast.Module = _Neighbours(full_name).visit(tree)
    return changed


class _Neighbours(ast.NodeTransformer):
    """Replaces the names of modules beside a module by their full names in its import statements."""

    def __init__(self, full_name: Callable[[str], str]) -> None:
        self._full_name = full_name

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.level == 0 and node.module is not None:
            node.module = self._full_name(node.module)
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        return [statement for alias in node.names for statement in self._one(node, alias)]

    def _one(self, node: ast.Import, alias: ast.alias) -> list[ast.stmt]:
        full = self._full_name(alias.name)
        if full == alias.name:
            return [ast.copy_location(ast.Import([alias]), node)]
        first, dot, _ = alias.name.partition(".")
        statements: list[ast.stmt] = []
        target, bound = full, alias.asname
        if bound is None:
            target, bound = full[: len(full) - len(alias.name)] + first, first
            if dot:
                # `import a.b` runs both, and binds a.
                statements.append(ast.Expr(ast.Call(ast.Name("__import__", ast.Load()), [ast.Constant(full)], [])))
        statements.append(ast.Import([ast.copy_location(ast.alias(target, bound), alias)]))
        return [ast.fix_missing_locations(ast.copy_location(statement, node)) for statement in statements]
