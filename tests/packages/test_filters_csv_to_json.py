"""mod_python.filters.csv_to_json on every cut, and on what CSV files are like."""

import csv
import io
import json

from httpd import Httpd
from mod_python import testing

# isort: split
from mod_python.filters.csv_to_json import outputfilter

CONF = """
PythonOutputFilter mod_python.filters.csv_to_json CSV_TO_JSON
<Files "*.csv">
    SetOutputFilter CSV_TO_JSON
</Files>
<Location "/json">
    ForceType application/json
</Location>
<Location "/german">
    PythonOption csv_delimiter ;
    PythonOption csv_charset windows-1252
</Location>
"""
TABLE = '\ufeffname,"says, or shouts",n\r\nJörg,"Hello,\r\n""you""",1\r\n\r\nlast,,2'
ROWS = [
    {"name": "Jörg", "says, or shouts": 'Hello,\r\n"you"', "n": "1"},
    {"name": "last", "says, or shouts": "", "n": "2"},
]


def test_the_cut_law() -> None:
    assert json.loads(testing.run(outputfilter, TABLE.encode(), cuts="all").body) == ROWS


def test_type_and_headers(httpd: Httpd) -> None:
    httpd.write("json/a.csv", TABLE)
    for method in ("GET", "HEAD"):
        assert httpd.request(method, "/json/a.csv").headers["Content-Type"] == "application/json"


def test_empty_tables(httpd: Httpd) -> None:
    for table in ("", "\n", "a,b", "a,b\n\n"):
        httpd.write("empty.csv", table)
        assert json.loads(httpd.get("/empty.csv").body) == []


def test_other_delimiters_and_characters(httpd: Httpd) -> None:
    httpd.write("german/a.csv", "Größe;Preis\ngroß;1,50 €\n".encode("windows-1252"))
    assert json.loads(httpd.get("/german/a.csv").body) == [{"Größe": "groß", "Preis": "1,50 €"}]


def test_rows_that_are_too_short_or_too_long(httpd: Httpd) -> None:
    httpd.write("ragged.csv", "a,b\n1\n1,2,3\n")
    assert json.loads(httpd.get("/ragged.csv").body) == [{"a": "1"}, {"a": "1", "b": "2"}]


def test_a_large_table_in_little_memory(httpd: Httpd) -> None:
    rows = [["number", "text"], *([str(number), f'a "text", {number} ' * 90] for number in range(20_000))]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    httpd.write("large.csv", text.getvalue())
    httpd.get("/empty.csv")
    before = max(httpd.memory(pid).peak for pid in httpd.children())
    answer = json.loads(httpd.get("/large.csv").body)
    assert [list(row.values()) for row in answer] == rows[1:]
    assert max(httpd.memory(pid).peak for pid in httpd.children()) - before < 8 << 10


def test_a_row_without_end(httpd: Httpd) -> None:
    httpd.expect("ValueError: a row of more than 1048576 bytes: is a quotation mark missing?")
    httpd.allow("filter CSV_TO_JSON")
    httpd.write("endless.csv", 'a,b\n1,"' + "x\n" * 600_000)
    assert httpd.get("/endless.csv").status == 500
