"""Lines of keys in every form of TOML that people write."""

from coolantd.config.locate import locate

TEXT = '''# comment with [table] and key = 1
top = 1 # trailing = 2
"quoted \\u0041 key".'literal.key' = 2
a.b . c = 3

[table]
x = """
[not.a.table]
y = 1
"""
y = \'\'\'
z = 1\'\'\'
z = [ # one
  1,
  [2, 3], # ]
  { p = 4, q.r = "}" },
]
inline = { a = 1, "b c" = [1, 2], d = { e = 5 } }
date = 1979-05-27 07:32:00

[[list]]
n = 1
[list.sub]
m = 2
[[list.inner]]
k = 1
[[list.inner]]
k = 2

[[list]]
n = 3
[list.sub]
m = 4
[ spaced . "name" ]
v = """a\\""" # not the end """
w = 1
'''


def test_every_form():
    line = locate(TEXT).line_of
    assert line(("top",)) == 2
    assert line(("quoted A key", "literal.key")) == 3
    assert line(("a", "b", "c")) == 4
    assert line(("a", "b")) == 4
    assert line(("table",)) == 6
    assert line(("table", "x")) == 7
    assert line(("table", "y")) == 11
    assert line(("table", "z")) == 13
    assert [line(("table", "z", n)) for n in range(3)] == [14, 15, 16]
    assert line(("table", "z", 1, 0)) == 15
    assert line(("table", "z", 2, "q", "r")) == 16
    assert line(("table", "inline", "d", "e")) == 18
    assert line(("table", "date")) == 19
    assert [line(("list", n)) for n in range(2)] == [21, 30]
    assert [line(("list", n, "n")) for n in range(2)] == [22, 31]
    assert [line(("list", n, "sub", "m")) for n in range(2)] == [24, 33]
    assert [line(("list", 0, "inner", n, "k")) for n in range(2)] == [26, 28]
    assert line(("spaced", "name")) == 34
    assert line(("spaced", "name", "v")) == 35
    assert line(("spaced", "name", "w")) == 36


def test_unknown_keys_fall_back_to_what_encloses_them():
    line = locate(TEXT).line_of
    assert line(("list", 1, "missing")) == 30
    assert line(("table", "inline", "d", "missing", 3)) == 18
    assert line(("nowhere", "at", "all")) == 1
    assert line(()) == 1


def test_crlf():
    assert locate(TEXT.replace("\n", "\r\n")).line_of(("spaced", "name", "w")) == 36


def test_text_that_is_not_toml_is_located_as_far_as_it_goes():
    assert locate("a = 1\nb = }\nc = 1\n").line_of(("a",)) == 1
    assert locate("= [").lines == {}
