"""What bad message files are told: the rows on XML of the clearing room's table of bad input."""

from __future__ import annotations

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_iso_kit import body, put, xml
from concordat.clearing.iso import Gate
from concordat.errors import ConcordatError

P8, P9 = "pacs.008.001.08", "pacs.009.001.08"
PAYMENT = xml(P8)


def bank(amount: str) -> bytes:
    return xml(P9, put(body(P9), "CdtTrfTxInf/IntrBkSttlmAmt", (amount, "INR")))


# What happens, and what is said.
ROWS: list[tuple[str, bytes, str]] = [
    (
        "over the size",
        PAYMENT.replace(b"Invoice 17", b"x" * (1 << 20)),
        (
            f"refused at layer bytes: the file has {len(PAYMENT) - 10 + (1 << 20):,} bytes; at most 1,048,576 are "
            f"read. Split the message."
        ),
    ),
    (
        "a giant value",
        PAYMENT.replace(b"Invoice 17", b"x" * 70_000),
        (
            "refused at layer safety: /Document/FIToFICstmrCdtTrf/CdtTrfTxInf/RmtInf/Ustrd: a value of 70,000 "
            "letters; at most 65,536 are read."
        ),
    ),
    (
        "another encoding",
        PAYMENT.replace(b"UTF-8", b"windows-1252"),
        (
            "refused at layer bytes: the file is, or says it is, windows-1252; only UTF-8 is read. Send the "
            "message in UTF-8."
        ),
    ),
    (
        "a DOCTYPE",
        xml(P8, extra="<!DOCTYPE Envelope>"),
        (
            "refused at layer safety: DOCTYPE at byte 39. This gate accepts no DOCTYPE, used or not. Remove it and "
            "send again."
        ),
    ),
    (
        "two documents",
        PAYMENT.replace(b"</Envelope>", xml(P8, with_header=False, declaration="") + b"</Envelope>"),
        "refused at layer safety: 2 documents in the file; exactly one is read. Send one message a file.",
    ),
    (
        "text of a stranger",
        PAYMENT.replace(b"INDA", "\u202eADNI\x7f".encode()),
        (
            "refused at layer schema: /Document/FIToFICstmrCdtTrf/GrpHdr/SttlmInf/SttlmMtd: The value "
            "'\\u202eADNI\\x7f' is not an element of the set {'INDA', 'INGA', 'COVE', 'CLRG'}."
        ),
    ),
    (
        "an unknown version",
        PAYMENT.replace(b"xsd:pacs.008.001.08", b"xsd:pacs.008.001.07"),
        (
            "refused at layer schema: /Document: pacs.008.001.07 is not a version that this gate reads. It reads: "
            "pacs.008.001.08, pacs.009.001.08, "
        ),
    ),
    (
        "amount zero",
        bank("0"),
        (
            "refused at layer typed: /Document/.../IntrBkSttlmAmt: payment 1: 0 INR is no amount to settle; one "
            "minor unit is the least."
        ),
    ),
    (
        "amount negative",
        bank("-1"),
        (
            "refused at layer schema: /Document/FICdtTrf/CdtTrfTxInf/IntrBkSttlmAmt: The value '-1' is less than "
            "the minimum value allowed"
        ),
    ),
    (
        "amount with an exponent",
        bank("1e3"),
        (
            "refused at layer schema: /Document/FICdtTrf/CdtTrfTxInf/IntrBkSttlmAmt: '1e3' is not a valid value of "
            "the atomic type 'decimal 18.5 positive'."
        ),
    ),
    (
        "amount beyond the bound",
        bank("99999999999999999"),
        (
            "refused at layer typed: /Document/.../IntrBkSttlmAmt: payment 1: 99999999999999999 INR is beyond "
            "10^18 minor units."
        ),
    ),
    (
        "an unknown currency",
        xml(P9, put(body(P9), "CdtTrfTxInf/IntrBkSttlmAmt", ("1", "ABC"))),
        (
            "refused at layer rules: B01, /Document/FICdtTrf/CdtTrfTxInf/IntrBkSttlmAmt: ABC is not a current ISO "
            "4217 currency."
        ),
    ),
]


@pytest.mark.parametrize(("what", "data", "said"), ROWS, ids=[row[0] for row in ROWS])
def test_a_bad_message_is_refused_in_these_words(what: str, data: bytes, said: str) -> None:
    with pytest.raises(ConcordatError) as caught:
        Gate().judge(data).admitted()
    assert str(caught.value).startswith(said), str(caught.value)
