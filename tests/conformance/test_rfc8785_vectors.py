"""RFC 8785 (JSON Canonicalization Scheme): the vectors it prints, and those of its reference repository.

Sources: RFC 8785 (June 2020), appendix B (numbers, as IEEE 754 bits), sections 3.2.2 and 3.2.4 (the worked example and
its bytes) and 3.2.3 (sorting); and the six input and output pairs of `testdata/` in cyberphone/json-canonicalization
(Apache-2.0), written down here as facts, two of them also in an older wording. Tolerance: none, these are bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from concordat import canonical
from concordat.errors import InputError

# RFC 8785, appendix B: bits of the double, its text.
NUMBERS = (
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
)
NOT_NUMBERS = ("7fffffffffffffff", "7ff0000000000000")  # appendix B prints them as errors: NaN and infinity

# RFC 8785, section 3.2.2: input; section 3.2.4: the UTF-8 bytes of its canonical form.
EXAMPLE = (
    r'{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
    r' "string": "\u20ac$\u000F\u000aA'
    "'"
    r'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}'
)
EXAMPLE_BYTES = """
7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72
75 65 2c 66 61 6c 73 65 5d 2c 22 6e 75 6d 62 65 72 73 22 3a
5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31
65 2b 33 30 2c 34 2e 35 2c 30 2e 30 30 32 2c 31 65 2d 32 37
5d 2c 22 73 74 72 69 6e 67 22 3a 22 e2 82 ac 24 5c 75 30 30
30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22 7d
"""

# RFC 8785, section 3.2.3: keys in the order in which they must stand (UTF-16 code units: the emoji before U+FB33).
SORTED = (
    ("\r", "Carriage Return"),
    ("1", "One"),
    ("\u0080", "Control"),
    ("\u00f6", "Latin Small Letter O With Diaeresis"),
    ("\u20ac", "Euro Sign"),
    ("\U0001f600", "Emoji: Grinning Face"),
    ("\ufb33", "Hebrew Letter Dalet With Dagesh"),
)

# testdata/input and testdata/output.
PAIRS = {
    "arrays": ('[56, {"d": true, "10": null, "1": [ ]}]', '[56,{"1":[],"10":null,"d":true}]'),
    "french": (
        (
            '{"peach": "This sorting order", "péché": "is wrong according to French", '
            '"pêche": "but canonicalization MUST", "sin": "ignore locale"}'
        ),
        (
            '{"peach":"This sorting order","péché":"is wrong according to French",'
            '"pêche":"but canonicalization MUST","sin":"ignore locale"}'
        ),
    ),
    "structures": (
        (
            '{"1": {"f": {"f": "hi","F": 5} ,"\\n": 56.0}, "10": { }, "": "empty", "a": { }, '
            '"111": [ {"e": "yes","E": "no" } ], "A": { }}'
        ),
        '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}',
    ),
    "structures, older": (
        '{"1": {"f": {"f": "hi","F": 5} ,"\\n": 56.0}, "10": { }, "": "empty", "a": { }, "111": [ { } ], "A": { }}',
        '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}',
    ),
    "unicode": ('{"Unnormalized Unicode":"A\\u030a"}', '{"Unnormalized Unicode":"A\u030a"}'),
    "unicode, older": ('{"Unnormalized Unicode": "\\u1e0d\\u0307"}', '{"Unnormalized Unicode":"\u1e0d\u0307"}'),
    "values": (
        (
            '{"numbers": [1E30, 4.50, 333333333.33333329, 2e-3, 0.000000000000000000000000001], '
            '"escaping": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}'
        ),
        (
            '{"escaping":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","literals":[null,true,false],'
            '"numbers":[1e+30,4.5,333333333.3333333,0.002,1e-27]}'
        ),
    ),
    "weird": (
        (
            '{"\\u20ac": "Euro Sign", "1": "One", "\\u0080": "Control\\u007f", "\\ud83d\\ude02": "Smiley", '
            '"\\u00f6": "Latin Small Letter O With Diaeresis", "\\ufb33": "Hebrew Letter Dalet With Dagesh", '
            '"</script>": "Browser Challenge"}'
        ),
        (
            '{"1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f",'
            '"ö":"Latin Small Letter O With Diaeresis",'
            '"€":"Euro Sign","\U0001f602":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
        ),
    ),
}


def _double(bits: str) -> float:
    return struct.unpack(">d", bytes.fromhex(bits))[0]


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_appendix_b_numbers(bits: str, text: str) -> None:
    assert canonical.dumps(_double(bits), floats=True) == text.encode()
    read = canonical.loads(text, floats=True)
    assert read == _double(bits)
    assert canonical.dumps(read, floats=True) == text.encode()


@pytest.mark.parametrize("bits", NOT_NUMBERS)
def test_appendix_b_errors(bits: str) -> None:
    with pytest.raises(InputError):
        canonical.dumps(_double(bits), floats=True)


def test_worked_example_of_section_3_2_to_the_byte() -> None:
    assert canonical.dumps(canonical.loads(EXAMPLE, floats=True), floats=True) == bytes.fromhex(EXAMPLE_BYTES)


def test_sorting_example_of_section_3_2_3() -> None:
    written = canonical.dumps(dict(reversed(SORTED)), floats=True)
    assert list(canonical.loads(written, floats=True)) == [key for key, _ in SORTED]
    assert written.startswith(b'{"\\r":"Carriage Return","1":"One"')


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_pairs_of_the_reference_repository(name: str) -> None:
    given, wanted = PAIRS[name]
    assert canonical.dumps(canonical.loads(given, floats=True), floats=True) == wanted.encode()


def test_pairs_in_the_shared_folder(shared_data: Path) -> None:
    inputs = sorted((shared_data / "exchange" / "log" / "jcs" / "input").glob("*.json"))
    assert inputs
    for file in inputs:
        wanted = (file.parents[1] / "output" / file.name).read_bytes().rstrip(b"\n")
        assert canonical.dumps(canonical.loads(file.read_bytes(), floats=True), floats=True) == wanted, file.name
