"""Made-up ISO 20022 messages of every version that the gate reads, and random messages that a profile allows.

The banks, accounts and people are invented. `MESSAGES` holds for each version the smallest message that makes sense;
`put` changes one element of it; `xml` writes it in any of the forms that are seen (prefixes, wrappers, header or none);
`instance` makes a random message of a profile, with any of its elements.
"""

from __future__ import annotations

import copy
import random
import string
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from concordat.clearing.iso.profile import NAMESPACE, Field, Profile

UETR = "7d2f0c1e-3b4a-4c5d-8e9f-0a1b2c3d4e5f"
UETR_2 = "11111111-2222-4333-9444-555555555555"
SENDER, RECEIVER = "CCCCBRSP", "DDDDINBB"
MADE = "2026-11-26T09:30:00+00:00"
DAY = "2026-11-26"

Body = dict[str, Any]


def agent(bic: str) -> Body:
    return {"FinInstnId": {"BICFI": bic}}


def account(number: str) -> Body:
    return {"Id": {"Othr": {"Id": number}}}


def party(name: str, town: str, country: str) -> Body:
    return {"Nm": name, "PstlAdr": {"StrtNm": "Long Street", "TwnNm": town, "Ctry": country}}


GROUP: Body = {"MsgId": "MSG-1", "CreDtTm": MADE}
COUNTED: Body = {**GROUP, "NbOfTxs": "1", "SttlmInf": {"SttlmMtd": "INDA"}}
ORIGINAL: Body = {"OrgnlMsgId": "MSG-0", "OrgnlMsgNmId": "pacs.008.001.08"}
ASSIGNMENT: Body = {
    "Id": "MSG-1",
    "Assgnr": {"Agt": agent(SENDER)},
    "Assgne": {"Agt": agent(RECEIVER)},
    "CreDtTm": MADE,
}
AGENTS: Body = {"InstgAgt": agent(SENDER), "InstdAgt": agent(RECEIVER)}

CUSTOMER: Body = {
    "PmtId": {"InstrId": "I-1", "EndToEndId": "E-1", "UETR": UETR},
    "IntrBkSttlmAmt": ("2500.75", "BRL"),
    "IntrBkSttlmDt": DAY,
    "InstdAmt": ("2500.75", "BRL"),
    "ChrgBr": "SHAR",
    **AGENTS,
    "Dbtr": party("Ana Paula Exemplo", "Recife", "BR"),
    "DbtrAcct": account("000123"),
    "DbtrAgt": agent(SENDER),
    "CdtrAgt": agent(RECEIVER),
    "Cdtr": party("Example Textiles", "Surat", "IN"),
    "CdtrAcct": account("000456"),
    "Purp": {"Cd": "GDDS"},
    "RmtInf": {"Ustrd": "Invoice 17"},
}
BANK: Body = {
    "PmtId": {"InstrId": "I-1", "EndToEndId": "E-1", "UETR": UETR},
    "IntrBkSttlmAmt": ("1000000", "INR"),
    "IntrBkSttlmDt": DAY,
    **AGENTS,
    "Dbtr": agent(SENDER),
    "Cdtr": agent(RECEIVER),
}
STATUS: Body = {
    "OrgnlGrpInf": ORIGINAL,
    "OrgnlInstrId": "I-0",
    "OrgnlEndToEndId": "E-0",
    "OrgnlUETR": UETR,
    "TxSts": "RJCT",
    "StsRsnInf": {"Rsn": {"Cd": "AM04"}},
    **AGENTS,
}
RETURN: Body = {
    "RtrId": "R-1",
    "OrgnlGrpInf": ORIGINAL,
    "OrgnlEndToEndId": "E-0",
    "OrgnlUETR": UETR,
    "RtrdIntrBkSttlmAmt": ("2500.75", "BRL"),
    "IntrBkSttlmDt": DAY,
    "ChrgBr": "SLEV",
    **AGENTS,
    "RtrRsnInf": {"Rsn": {"Cd": "AC04"}},
}
RECALL: Body = {
    "CxlId": "C-1",
    "OrgnlGrpInf": ORIGINAL,
    "OrgnlEndToEndId": "E-0",
    "OrgnlUETR": UETR,
    "OrgnlIntrBkSttlmAmt": ("2500.75", "BRL"),
    "CxlRsnInf": {"Rsn": {"Cd": "DUPL"}, "AddtlInf": "sent twice"},
}
ANSWER: Body = {
    "CxlStsId": "C-2",
    "OrgnlEndToEndId": "E-0",
    "OrgnlUETR": UETR,
    "TxCxlSts": "RJCR",
    "CxlStsRsnInf": {"Rsn": {"Cd": "LEGL"}},
}


def balance(kind: str, amount: str, side: str = "CRDT") -> Body:
    return {
        "Tp": {"CdOrPrtry": {"Cd": kind}},
        "Amt": (amount, "BRL"),
        "CdtDbtInd": side,
        "Dt": {"Dt": DAY},
    }


def entry(amount: str, side: str, status: str = "BOOK") -> Body:
    return {
        "NtryRef": "N-1",
        "Amt": (amount, "BRL"),
        "CdtDbtInd": side,
        "Sts": {"Cd": status},
        "BookgDt": {"Dt": DAY},
        "BkTxCd": {"Domn": {"Cd": "PMNT", "Fmly": {"Cd": "RCDT", "SubFmlyCd": "XBCT"}}},
        "NtryDtls": {"TxDtls": {"Refs": {"EndToEndId": "E-1", "UETR": UETR}}},
    }


OWNED: Body = {**account("CCCCBRSP/BRL"), "Ccy": "BRL"}
STATEMENT: Body = {
    "Id": "S-1",
    "ElctrncSeqNb": "7",
    "Acct": OWNED,
    "Bal": [balance("OPBD", "100.00"), balance("CLBD", "69.50")],
    "Ntry": [entry("20.00", "CRDT"), entry("50.50", "DBIT")],
}

# Version: the root element and what is inside.
MESSAGES: dict[str, tuple[str, Body]] = {
    "pacs.008.001.08": ("FIToFICstmrCdtTrf", {"GrpHdr": COUNTED, "CdtTrfTxInf": CUSTOMER}),
    "pacs.009.001.08": ("FICdtTrf", {"GrpHdr": COUNTED, "CdtTrfTxInf": BANK}),
    "pacs.009.001.10": ("FICdtTrf", {"GrpHdr": COUNTED, "CdtTrfTxInf": BANK}),
    "pacs.002.001.10": ("FIToFIPmtStsRpt", {"GrpHdr": GROUP, "TxInfAndSts": STATUS}),
    "pacs.002.001.12": ("FIToFIPmtStsRpt", {"GrpHdr": GROUP, "TxInfAndSts": STATUS}),
    "pacs.004.001.09": ("PmtRtr", {"GrpHdr": COUNTED, "TxInf": RETURN}),
    "pacs.004.001.11": ("PmtRtr", {"GrpHdr": COUNTED, "TxInf": RETURN}),
    "camt.056.001.08": (
        "FIToFIPmtCxlReq",
        {
            "Assgnmt": ASSIGNMENT,
            "Case": {"Id": "K-1", "Cretr": {"Agt": agent(SENDER)}},
            "CtrlData": {"NbOfTxs": "1"},
            "Undrlyg": {"TxInf": RECALL},
        },
    ),
    "camt.029.001.09": (
        "RsltnOfInvstgtn",
        {
            "Assgnmt": ASSIGNMENT,
            "RslvdCase": {"Id": "K-1", "Cretr": {"Agt": agent(SENDER)}},
            "Sts": {"Conf": "RJCR"},
            "CxlDtls": {"TxInfAndSts": ANSWER},
        },
    ),
    "camt.050.001.07": (
        "LqdtyCdtTrf",
        {"MsgHdr": {"MsgId": "MSG-1", "CreDtTm": MADE}, "LqdtyCdtTrf": {"TrfdAmt": {"AmtWthCcy": ("5000.00", "BRL")}}},
    ),
    "camt.052.001.08": ("BkToCstmrAcctRpt", {"GrpHdr": GROUP, "Rpt": {**STATEMENT, "Bal": balance("ITBD", "69.50")}}),
    "camt.053.001.08": ("BkToCstmrStmt", {"GrpHdr": GROUP, "Stmt": STATEMENT}),
    "camt.054.001.08": (
        "BkToCstmrDbtCdtNtfctn",
        {"GrpHdr": GROUP, "Ntfctn": {"Id": "N-1", "Acct": OWNED, "Ntry": entry("20.00", "CRDT")}},
    ),
    "pain.001.001.09": (
        "CstmrCdtTrfInitn",
        {
            "GrpHdr": {**GROUP, "NbOfTxs": "1", "InitgPty": {"Nm": "Ana Paula Exemplo"}},
            "PmtInf": {
                "PmtInfId": "P-1",
                "PmtMtd": "TRF",
                "ReqdExctnDt": {"Dt": DAY},
                "Dbtr": party("Ana", "Recife", "BR"),
                "DbtrAcct": account("000123"),
                "DbtrAgt": agent(SENDER),
                "CdtTrfTxInf": {"PmtId": {"EndToEndId": "E-1"}, "Amt": {"InstdAmt": ("20.00", "BRL")}},
            },
        },
    ),
}


def header(version: str, **changes: Any) -> Body:
    """A business application header; `None` leaves an element out."""
    full: Body = {
        "Fr": {"FIId": agent(SENDER)},
        "To": {"FIId": agent(RECEIVER)},
        "BizMsgIdr": "MSG-1",
        "MsgDefIdr": version,
        "BizSvc": None,
        "CreDt": MADE,
        "CpyDplct": None,
    }
    return {name: value for name, value in {**full, **changes}.items() if value is not None}


def body(version: str) -> Body:
    """The content of a version's message, for the caller to change."""
    return copy.deepcopy(MESSAGES[version][1])


def put(inside: Body, path: str, value: Any) -> Body:
    """Set one element, or take it out (None). A new one goes to the end of its group."""
    *way, last = path.split("/")
    group = inside
    for name in way:
        group = group[name]
    if value is None:
        del group[last]
    else:
        group[last] = value
    return inside


def xml(
    version: str,
    inside: Body | None = None,
    head: Body | None = None,
    *,
    prefix: str = "",
    wrapper: str = "Envelope",
    with_header: bool = True,
    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>\n',
    extra: str = "",
) -> bytes:
    """The message as XML bytes.

    Args:
        prefix: of the document's namespace, empty for a default one. wrapper: the element around header and document.
        extra: put in front of the document, as it is.
    """
    root, default = MESSAGES[version]
    content = "".join(_elements({root: default if inside is None else inside}, prefix))
    name = f"{prefix}:Document" if prefix else "Document"
    bound = f"xmlns:{prefix}" if prefix else "xmlns"
    document = f'<{name} {bound}="{NAMESPACE}{version}">{content}</{name}>'
    if not with_header:
        return (declaration + extra + document).encode()
    heads = "".join(_elements(header(version) if head is None else head, ""))
    top = f'<AppHdr xmlns="{NAMESPACE}head.001.001.02">{heads}</AppHdr>'
    return f"{declaration}{extra}<{wrapper}>{top}{document}</{wrapper.partition(' ')[0]}>".encode()


def _elements(group: Body, prefix: str) -> Iterator[str]:
    for name, value in group.items():
        for item in value if isinstance(value, list) else [value]:
            tag = f"{prefix}:{name}" if prefix else name
            if isinstance(item, dict):
                yield f"<{tag}>{''.join(_elements(item, prefix))}</{tag}>"
            elif isinstance(item, tuple):
                yield f"<{tag} Ccy={quoteattr(item[1])}>{escape(item[0])}</{tag}>"
            else:
                yield f"<{tag}>{escape(item)}</{tag}>"


# --- Random messages that a profile allows ---

VALUES: dict[str, Callable[[random.Random], str]] = {
    "date": lambda r: f"2026-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}",
    "datetime": lambda r: f"2026-11-{r.randint(1, 28):02d}T{r.randint(0, 23):02d}:15:00{r.choice(['Z', '+05:30', ''])}",
    "time": lambda r: f"{r.randint(0, 23):02d}:00:00",
    "boolean": lambda r: r.choice(["true", "false", "1", "0"]),
    "year": lambda r: str(r.randint(1999, 2030)),
    "year_month": lambda r: f"2027-{r.randint(1, 12):02d}",
    "bic": lambda r: _letters(r, 4) + r.choice(["BR", "IN", "ZA"]) + "SP" + r.choice(["", "XXX"]),
    "bic_strict": lambda r: "ABCDBRSP",
    "iban": lambda r: "GB82WEST12345698765432",
    "lei": lambda r: "5493001KJTIIGC8Y1R12",
    "uti": lambda r: "5493001KJTIIGC8Y1R12ABC",
    "isin": lambda r: "US0378331005",
    "country": lambda r: r.choice(["BR", "RU", "IN", "CN", "ZA"]),
    "currency": lambda r: r.choice(["BRL", "INR", "CNY", "ZAR"]),
    "language": lambda r: "pt",
    "telephone": lambda r: "+55-81999",
    "uetr": lambda r: (
        f""
        f"{r.getrandbits(32):08x}-{r.getrandbits(16):04x}-4{r.getrandbits(12):03x}-8{r.getrandbits(12):03x}-{r.getrandbits(48):012x}"
    ),
    "hexadecimal": lambda r: f"{r.getrandbits(32):x}",
    "hash_sha256": lambda r: f"{r.getrandbits(256):064X}",
    "alphanumeric_4": lambda r: _letters(r, 4),
    "digit": lambda r: str(r.randint(0, 9)),
    "digits_signed": lambda r: "+12",
}


def _letters(r: random.Random, count: int) -> str:
    return "".join(r.choice(string.ascii_uppercase) for _ in range(count))


def value_of(given: Profile, kind: str, r: random.Random) -> str:
    """A value that the kind allows."""
    if kind in VALUES:
        return VALUES[kind](r)
    if kind in given.codes:
        return r.choice(given.codes[kind])
    word, _, rest = kind.partition(" ")
    if word == "text":
        least, _, most = (rest or "0-40").rpartition("-") if not rest.endswith("..") else ("1", "-", "40")
        return _letters(r, r.randint(int(least or 1), min(int(most), 60)))
    if word == "decimal":
        places = int(rest.split(" ")[0].partition(".")[2])
        return f"{r.randint(0, 9)}.{r.randint(0, 99):02d}" if places >= 2 else str(r.randint(0, 9))
    if word == "base64":
        return "QUJD"
    if word.startswith("digits_"):
        most = word.rpartition("_")[2]
        return "".join(str(r.randint(0, 9)) for _ in range(int(most)))
    raise AssertionError(kind)


def instance(given: Profile, r: random.Random, share: float) -> str:
    """A random message of a profile: an optional element is there with probability `share`, less the deeper it is."""
    inside, _, part = given.root.rpartition(" ")
    content = _part(given, part, r, share, 0)
    if inside:
        content = f"<{inside}>{content}</{inside}>"
    return f'<{given.element} xmlns="{given.namespace}">{content}</{given.element}>'


def _part(given: Profile, part: str, r: random.Random, share: float, depth: int) -> str:
    if part in given.choices:
        return _field(given, r.choice(given.choices[part]), r, share, depth, chosen=True)
    return "".join(_field(given, f, r, share, depth) for f in given.sequences[part])


def _field(given: Profile, field: Field, r: random.Random, share: float, depth: int, *, chosen: bool = False) -> str:
    if field.kind == "any":
        return '<x:Own xmlns:x="urn:example:own">7</x:Own>'
    times = field.least
    if r.random() < share * 0.8**depth:
        times = max(times, 1 if field.most is not None and field.most <= 1 else r.randint(1, min(field.most or 3, 3)))
    found = []
    for _ in range(max(times, 1) if chosen else times):
        if field.kind in given.with_attribute:
            said = given.with_attribute[field.kind]
            value = value_of(given, said["value"], r)
            found.append(
                f"<{field.name} {said['attribute']}={quoteattr(value_of(given, said['of'], r))}>{value}</{field.name}>"
            )
        elif field.kind in given.sequences or field.kind in given.choices:
            found.append(f"<{field.name}>{_part(given, field.kind, r, share, depth + 1)}</{field.name}>")
        else:
            found.append(f"<{field.name}>{escape(value_of(given, field.kind, r))}</{field.name}>")
    return "".join(found)
