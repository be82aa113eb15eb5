"""What is taken out of a query, without httpd: `mod_python._forms.query` finds what Python's own library does."""

from urllib.parse import parse_qsl as of_the_library

from hypothesis import given
from hypothesis import strategies as st

from mod_python import testing  # noqa: F401 - it stands for httpd: first
from mod_python._forms.query import arguments_of_query, parse_qs, parse_qsl

QUERIES = st.text(st.sampled_from("ab=&;%+20c3A9fF \0é€\udcff") | st.characters())


@given(QUERIES, st.booleans())
def test_the_fields_of_a_query_are_those_of_the_library(query: str, keeps_blank: bool) -> None:
    expected = of_the_library(query.replace(";", "&"), keep_blank_values=keeps_blank, errors="surrogateescape")
    assert parse_qsl(query, keeps_blank) == expected
    values = parse_qs(query, keeps_blank)
    assert [name for name, _ in expected if name not in values] == []
    single = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    assert arguments_of_query(query, keeps_blank) == single
