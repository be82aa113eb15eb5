"""What PythonImport of a virtual host imports: it prints."""

print("said at the start")
