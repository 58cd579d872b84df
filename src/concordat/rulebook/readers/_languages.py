"""With which words does a heading begin, in six languages, and which words betray that a line is none?

>>> sorted(BY_LANGUAGE), BY_LANGUAGE["es"].chapters
(['en', 'es', 'fr', 'pt', 'ru', 'zh'], 'cap[ií]tulo|t[ií]tulo|parte')
"""

from __future__ import annotations

from dataclasses import dataclass, field

from concordat.rulebook import _clean


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language, as parts of patterns."""

    articles: str
    chapters: str
    annexes: str
    sections: str = "(?!)"
    ordinals: tuple[str, ...] = ()
    joints: frozenset[str] = field(default_factory=frozenset)
    modals: str = "(?!)"
    refer: frozenset[str] = field(default_factory=frozenset)


_EN_NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
BY_LANGUAGE = {
    "en": Language(
        r"article|art\.|section|sec\.|rule|principle",
        "chapter|part|title",
        "annex|appendix|schedule",
        "section",
        ordinals=tuple(_EN_NUMBERS.split()),
        joints=_clean.listed(
            "of in to under with by from and or per see the a an for on at between through within as than that which "
            "into upon without against except unless both either nor but if where when pursuant notwithstanding"
        ),
        modals=r"shall|must|may|should|will|are|is",
        refer=_clean.listed("of and or to shall"),
    ),
    "es": Language(
        r"art[ií]culo|art\.",
        r"cap[ií]tulo|t[ií]tulo|parte",
        r"anexo|ap[eé]ndice",
        r"secci[oó]n",
        ("primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo"),
        _clean.listed(
            "de del en a al con por para y e o u según que la el los las su sus sin sobre entre bajo ni como un una"
        ),
        r"deberán?|podrán?|permitirán?|\w+rán?",
        _clean.listed("de del y e o u a al deberá"),
    ),
    "fr": Language(
        r"article|art\.|r[èe]gle",
        "chapitre|titre|partie",
        "annexe|appendice",
        "section",
        ("premier",),
        _clean.listed(
            "de du des d en à au aux avec par pour et ou selon que la le les l sa son ses sans sur entre sous ni dans"
        ),
        r"doit|doivent|peut|peuvent|s[’']engagent?|est|sont",
        _clean.listed("de du des et ou à au doit"),
    ),
    "pt": Language(
        r"artigo|art\.",
        r"cap[ií]tulo|t[ií]tulo|parte",
        r"anexo|ap[êe]ndice",
        r"se[cç][cç]?ão",
        ("primeiro", "segundo", "terceiro", "quarto", "quinto", "sexto", "sétimo", "oitavo", "nono", "décimo"),
        _clean.listed(
            "de do da dos das em no na nos nas a ao aos à às com por para pelo pela e ou segundo "
            "que o os as sem sobre entre"
        ),
        r"deverão?|poderão?|\w+rão?|\w+rá",
        _clean.listed("de do da dos das e ou a deverá"),
    ),
    "ru": Language(
        r"статья|ст\.",
        "глава|раздел|часть",
        "приложение",
        joints=_clean.listed(
            "в во на с со по из к ко о об от для и или а но при под над без между согласно со что как не"
        ),
        modals=r"должн\w+|обязан\w*|вправе|мо(?:жет|гут)",
        refer=_clean.listed("и или к"),
    ),
    "zh": Language("", "", ""),
}
