"""The operative words of six languages: duties, what weakens them, permissions and hopes, and the words of the flags.

Written from the drafting conventions of treaties; each entry is a pattern for folded text (small letters, single
blanks). A verb that weakens stands right behind the duty, with adverbs between at most.

    >>> bool(compiled("es").hard.search("cada parte deberá permitir"))
    True
"""

# ruff: noqa: E501  (each row is one language's pattern: broken over lines it can't be compared with its neighbours)

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("en", "es", "fr", "pt", "zh", "ru")
POINT = re.compile(
    r"\s*(?:\(?[a-zа-яё]{1,4}\)|\(?\d{1,2}\)|[-–—•]|[（(][一二三四五六七八九十\d]{1,2}[)）]|[ivx]{1,4}\.)\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """Patterns of one language.

    Attributes:
        hard: duties and bans. verb: what weakens one when it follows. reservation: what weakens one in its clause.
        soft: recognition, permission, hope. talk: an object that is only a dialogue or a body. ban: which of the hard
        ones forbid. told: what the parties recognise that follows; anew: where their own act begins again. idle: duties that are none ("shall mean", "shall apply"). nothing: sentences without any duty: definitions, scope, "nothing requires"; body: a committee or the like is who shall. no_dispute: disputes don't apply.
    """

    hard: re.Pattern[str]
    verb: re.Pattern[str]
    reservation: re.Pattern[str]
    soft: re.Pattern[str]
    talk: re.Pattern[str]
    ban: re.Pattern[str] | None
    told: re.Pattern[str]
    anew: re.Pattern[str]
    idle: re.Pattern[str] | None
    nothing: re.Pattern[str]
    body: re.Pattern[str]
    flags: Mapping[str, re.Pattern[str]]
    no_dispute: re.Pattern[str]


_HARD = {
    "en": (
        r"\bshall( not)?\b|\bmust( not)?\b|\bmay not\b|\b(neither|no) (contracting )?(party|parties|member|members|state)"
        r"( of (either|the other|any) party)? (may|shall|can|will)\b|\b(undertakes?|commits? itself|commit themselves|are committed|is committed"
        r"|agrees?|pledges?|commits?|has agreed|have agreed) (not )?to\b|\b(is|are) (hereby )?(prohibited|forbidden|obliged|required|bound) (from|to|by)\b"
        r"|\b(is|are) (hereby )?(prohibited|forbidden)\b|\b(has|have) to\b|\bagree that no\b|\bwill not\b|\b(are|is) to\b(?! date)"
    ),
    "es": (
        r"\b(no )?deber[áa]n?\b|\bdeben?\b|\bno podr[áa]n?\b|\bninguna (de las )?partes? (podr[áa]|deber[áa]|[a-zñáéíóú]{3,20}r[áa])\b|\bse (compromete|obliga)n?( a)?\b|\b(queda|est[áa])n? (prohibid|obligad)[oa]s?\b"
        r"|\bse proh[íi]be\b|\b(?!ser[áa]n?\b|podr[áa]n?\b|deber[áa]n?\b|habr[áa]n?\b|est[áa]\b|tendr[áa] derecho)[a-zñáéíóú]{3,18}(?:[aeií]|nd|b)r[áa]n?\b|\btendr[áa]n? que\b|\bno ser[áa]n?\b|\bha(n)? de\b"
    ),
    "fr": (
        r"\b(ne )?(doit|doivent|devra|devront)\b|\bs['’]engage(nt)? [àa]\b|\bs['’]oblige(nt)? [àa]\b|\b(est|sont) (tenue?s?|obligée?s?|interdite?s?|prohibée?s?)\b"
        r"|\bne (peut|peuvent|pourra|pourront)\b|\baucune (des )?parties? ne\b|\baucun membre ne\b|\bil est interdit\b"
        r"|\b(chaque|toute|la|les|une) (deux )?parties?( contractantes?)? (?:n['’]|ne |l['’]|les |la |le |lui |leur |se |s['’]|y )?(?!reconna|peut|peuvent|estim|conv|souhait|affirm|réaffirm|encourag|s['’]eff|pourr|consid|not)[a-zéèêîâ]{2,16}(?:e|et|ent|it|ont|nt|ra|ront)\b"
    ),
    "pt": (
        r"\b(não )?dever(á|ão)\b|\bdevem?\b|\bnão poder(á|ão)\b|\bnão podem?\b|\bnenhuma (das )?partes? [a-zçãáéíóúê]{3,20}r[áã]o?\b|\b(compromete|obriga)(m)?-se a\b|\bse (compromete|obriga)m? a\b|\b(fica|é|está|ficam|são) (proibid|vedad|obrigad)[oa]s?\b"
        r"|\b(?!poder(á|ão)\b|dever(á|ão)\b|ser(á|ão)\b)[a-zçãéíóú]{3,18}[aeiíô]r(á|ão)\b|\bnão ser(á|ão)\b|\bter(á|ão) de\b|\bé vedado\b"
    ),
    "ru": (
        r"\bобязан[аыо]?\b|\bобязу(е|ю)тся\b|\bобязуется\b|\bдолж(ен|на|ны|но)\b|\bне (вправе|может|могут|должн[аыо]|допуска(ет|ют)|вводит|вводят|взимает|взимают|требует|требуют|запреща(ет|ют)|ограничива(ет|ют)|препятству(ет|ют)|применя(ет|ют)|устанавлива(ет|ют))\b|\bни одна (из )?сторон[аы]?\b|\bзапреща(ется|ются)\b|\bне допуска(ется|ются)\b"
        r"|\b(каждая|любая|одна|обе)( из)?( договаривающаяся| договаривающихся)? сторон[аы]?( \w{1,20}){0,2}? (обеспечива(ет|ют)|разреша(ет|ют)|позволя(ет|ют)|предоставля(ет|ют)|принима(ет|ют)|устанавлива(ет|ют)|публику(ет|ют)|гарантиру(ет|ют)|сохраня(ет|ют)|создает|создаёт|вводит|примет|обеспечит|разрешит)\b|\bстороны (обеспечивают|разрешают|предоставляют|гарантируют|принимают|устанавливают|публикуют|запрещают)\b|\bподлеж(ит|ат)\b"
    ),
    "zh": r"(?<!相)不得|应当|必须|須|须|(?<![适对相响反供])(?:应|應)(?!用|对|急|商|答|链|该说)|禁止|承诺(?!书)|有义务|均不(?:得|应)|不应",
}  # fmt: skip
_ADVERB = {
    "en": r"(?:(?:also|each|therefore|further|mutually|jointly|actively|to this end|as far as possible|where appropriate|,|as appropriate|in particular|both|\(a\)|:|use (?:its|their) best) ?){0,4}",
    "es": r"(?:(?:también|además|conjuntamente|activamente|,) ?){0,3}",
    "fr": r"(?:(?:également|aussi|mutuellement|conjointement|,) ?){0,3}",
    "pt": r"(?:(?:também|igualmente|conjuntamente|,) ?){0,3}",
    "ru": r"(?:(?:также|совместно|взаимно|,) ?){0,3}",
    "zh": r"(?:(?:共同|积极|继续|进一步|酌情|尽量|在.{0,16}(?:范围内|方面|领域)|，) ?){0,3}",
}
_VERB = {
    "en": (
        r"(?:use (?:all )?(?:its |their )?(?:best|reasonable) |make (?:its |their |every |all |reasonable )?(?:best )?|exert (?:its |their )?(?:best )?)?(?:endeavou?rs?|seek|strive|aim|attempt|try|work (?:towards?|together|jointly)|consider|encourag|promot|foster"
        r"|co-?operat|collaborat|explor|facilitat|efforts?|recogni[sz]e|affirm|take (?:\w{1,12} ){0,2}?into (?:account|consideration)|take account of|bear in mind|give (?:due |positive |sympathetic |favou?rable )?(?:consideration|regard)|pay (?:due )?(?:attention|regard)|exchange (?:information|views|experience)|share (?:information|experience|best|views|knowledge)|discuss|hold (?:a )?(?:regular )?(?:dialogue|consultations)|maintain (?:a )?(?:regular )?dialogue|consult|have regard|support|assist|contribute|stand ready|be (?:encouraged|invited)|be guided|look into|examine (?:ways|the possib|how)|study|intensify|strengthen (?:their )?co|participate (?:actively )?in)"
    ),
    "es": r"(?:procur|esforz|esfuerz|tratar|trata de|intent|busc|consider|foment|alent|promov|promuev|cooper|colabor|explor|facilitar|impuls|reconoc|realizar (?:sus )?(?:mejores )?esfuerzos|hacer (?:todo lo posible|sus mejores)|intercambi|tener en cuenta|tendr[áa]n? en cuenta|tomar en (?:cuenta|consideraci)|compartir|dialog|estudi|apoy|propici)",
    "fr": r"(?:s['’]efforc|efforc|cherch|tent|vis(?:er|ent)|envisag|encourag|promouv|favoris|coop[éeè]r|collabor|explor|facilit|reconna|faire (?:tout leur possible|de leur mieux|tous? (?:ses|leurs) efforts)|tenir compte|échang|partag|s['’]attach|soutenir|œuvr|oeuvr|s['’]employ|étudi|examiner la possib|mener un dialogue)",
    "pt": r"(?:esforçar|envidar|procurar|procura|buscar|tentar|considerar|encorajar|incentivar|promover|fomentar|cooperar|colaborar|explorar|facilitar|reconhecer|ter em conta|levar em (?:conta|considera)|trocar|intercambi|partilhar|compartilhar|dialogar|apoiar|estudar|empenhar)",
    "ru": r"(?:стрем|стара|прилага|приложит|рассматрива|рассмотр|поощр|содейств|способств|сотруднич|взаимодейств|изуча|признават|призна|обменив|прилож|учитыва|по возможности|развива\w{0,4} сотруднич|поддержива\w{0,4} диалог)",
    "zh": r"(?:努力|设法|尽力|尽最大|寻求|争取|考虑|鼓励|促进|推动|推进|合作|开展(?:.{0,6})合作|加强(?:.{0,8})(?:合作|交流)|探索|探讨|便利|交流|交换(?:意见|信息)|分享|认识|承认|致力|力求|支持|协助|研究|充分考虑|尽可能|通过对话)",
}  # fmt: skip
_RESERVATION = {
    "en": r"\b(where|if|as|when|whenever|wherever) (and (where|as|when) )?(appropriate|possible|feasible|practicable|relevant)\b|\bto the (fullest |greatest |maximum )?extent (possible|practicable|feasible|appropriate|that is practicable)\b|\b(as|so) far as (is )?(possible|practicable|feasible)\b|\bbest[- ]endeavou?rs?\b|\bbest efforts\b|\bin so far as (possible|practicable)\b|\bwithin (the limits of )?(its|their) (available )?(resources|means|capacit)|\bsubject to (the )?availability of resources",
    "es": r"\b(cuando|seg[úu]n|donde|si) (sea|proceda|fuere|corresponda|resulte)( apropiado| posible| pertinente| procedente| viable)?\b|\ben la medida (de lo|que sea|en que sea) (posible|practicable|viable)|\ben la medida de (sus|lo) posib|\bde ser (posible|apropiado)|\bmejores esfuerzos\b|\bdentro de sus (posibilidades|recursos)",
    "fr": r"\b(s['’]il y a lieu|le cas échéant|selon (le cas|qu['’]il convient)|si possible|lorsque (cela est|c['’]est) (approprié|possible)|dans (toute )?la mesure du (possible|réalisable)|autant que (possible|faire se peut)|dans la limite de (ses|leurs) (moyens|ressources))",
    "pt": r"\b(quando|se|onde|conforme) (for )?(apropriado|possível|adequado|pertinente|cabível|viável|o caso)\b|\bna medida (do|em que for|de suas|das suas) (possível|praticável|possib)|\bsempre que (possível|apropriado)|\bmelhores esforços\b|\btanto quanto possível",
    "ru": r"\b(при необходимости|по мере возможности|в случае необходимости|насколько это возможно|по возможности|если это (возможно|целесообразно)|когда это (возможно|целесообразно|уместно)|в соответствующих случаях|в максимально возможной степени|там, где это|в пределах (своих|имеющихся) (возможностей|ресурсов))",
    "zh": r"酌情|在适当(?:的)?(?:情况|时)|适当时|如适当|在可能(?:的)?(?:情况|范围|时)|尽可能|在切实可行|视情况|在可行的?(?:情况|范围)|如可能|力所能及|在其能力范围",
}  # fmt: skip
_SOFT = {
    "en": r"\b(recogni[sz]e|acknowledge|affirm|reaffirm|note|share the view|believe|wish|desire|hope|welcome|agree on the importance|consider|encourage|endeavou?r|seek|strive|intend|aim)(s|d|ed)?\b|\b(may|should|could|can)\b|\bbest (efforts|endeavou?rs)\b|\bco-?operat\w{0,4}\b|\b(is|are) (encouraged|invited)\b|\bwill\b",
    "es": r"\b(reconoce|afirma|reafirma|toma nota|considera|procura|se esfuerza|fomenta|alienta|promueve|coopera|comparte|desea)n?\b|\bpodr[áa]n?\b|\bpueden?\b|\bdeber[íi]an?\b|\b(procurar|esforzar|cooperar|fomentar|promover)[áa]n?\b|\bmejores esfuerzos\b",
    "fr": r"\b(reconna[îi](t|ssent)|affirme|réaffirme|prend note|estime|encourage|s['’]efforce|coop[èe]re|souhaite|favorise|conviennent de l['’]importance)(nt)?\b|\b(peut|peuvent|pourra|pourront|devrait|devraient|pourrait|pourraient)\b|\b(s['’]efforcer|coop[ée]rer|encourager)(a|ont)\b",
    "pt": r"\b(reconhece|afirma|reafirma|toma nota|considera|procura|esforça|incentiva|promove|coopera|encoraja|deseja)m?(-se)?\b|\b(pode|podem|poder(á|ão)|deveria|deveriam|poderia|poderiam)\b|\b(procurar|esforçar|cooperar|promover|envidar)(á|ão)\b|\bmelhores esforços\b",
    "ru": r"\b(призна(ет|ют)|подтвержда(ет|ют)|отмеча(ет|ют)|стрем(ится|ятся)|поощря(ет|ют)|сотруднича(ет|ют)|содейству(ет|ют)|счита(ет|ют)|жела(ет|ют)|намерен[аы]?|прилага(ет|ют) усилия|старается|стараются|рассматрива(ет|ют))\b|\b(может|могут|вправе|следует|рекомендуется)\b",
    "zh": r"认识到|承认|确认|重申|注意到|鼓励|努力|寻求|可以|(?<!不)可(?!能|持|行|靠|信|转|用|及|见)|希望|愿意|欢迎|合作|考虑|宜",
}  # fmt: skip
_TALK = {
    "en": r"^ ?(also |jointly )?(hereby )?(establish|set up|hold|conduct|convene|initiate|maintain|enter into|engage in) (a |an |the |regular |bilateral |ongoing |open )*(dialogues?|consultations?|exchanges? of views|discussions?|meetings?|working group|(joint |sub-?)?committee|contact points?|(policy )?exchanges)\b|^ ?(meet|exchange views|consult|discuss)\b",
    "es": r"^ ?(un |una |el |la |los )?(diálogos?|intercambio de opiniones|consultas|reuni(ón|ones)|comité|grupo de trabajo|puntos? de contacto)\b",
    "fr": r"^ ?(un |une |le |la |des )?(dialogues?|échanges? de vues|consultations|réunions?|comité|groupe de travail|points? de contact)\b",
    "pt": r"^ ?(um |uma |o |a )?(diálogos?|troca de opiniões|consultas|reuni(ão|ões)|comitê|comité|grupo de trabalho|pontos? de contato)\b",
    "ru": r"^ ?(регулярный |постоянный |рабочую )?(диалог|обмен мнениями|консультаци|группу|комитет|контактн\w{1,4} пункт)",
    "zh": r"^(?:建立|设立|成立|举行|进行|开展|保持|就.{0,24}(?:进行|开展|举行|保持))?(?:一个|定期|双边|联合|政策)?(?:对话|磋商|交换意见|交流|讨论|会议|工作组|委员会|联络点)",
}  # fmt: skip
_BAN = {
    "en": r"^(?:shall not|must not|may not|will not|neither|no |(?:is|are) (?:hereby )?(?:prohibited|forbidden))",
    "es": r"^(?:no |ninguna|se proh|queda)", "fr": r"^(?:ne |aucun|il est interdit)", "pt": r"^(?:não |nenhuma|é vedado|fica)",
    "ru": r"^(?:не |ни одна|запрещ)", "zh": r"^(?:不得|禁止|均不|不应)",
}  # fmt: skip
_TOLD = {
    "en": r"\b(recogni[sz]e|acknowledge|affirm|reaffirm|note|share the (view|understanding)|are of the view|consider|believe|understand)s?,? (also )?that\b|\b(recogni[sz]ing|acknowledging|noting) (that )?",
    "es": r"\b(reconoce|afirma|reafirma|considera|destaca|comparte)n?( la opinión)?(,)? (también )?que\b|\breconociendo\b", "fr": r"\b(reconnaît|reconnaissent|affirment|estiment|considèrent|conviennent),? qu|\breconnaissant\b",
    "pt": r"\b(reconhece|afirma|reafirma|considera|destaca)m? que\b|\breconhecendo\b", "ru": r"\b(призна(ет|ют)|подтвержда(ет|ют)|отмеча(ет|ют)|счита(ет|ют)|исходят из того),? что\b|\bпризнавая\b", "zh": r"认识到|承认|注意到|鉴于|一致认为",
}  # fmt: skip
_ANEW = {
    "en": r", $|[,;] (and|they|each|the parties|accordingly|to that end|no party)\b|\band (shall|each party|undertake)", "es": r", (y|las partes|cada)\b|\by (deber|se comprom|procur)", "fr": r", $|, (et|elles|les parties|chaque)\b|\bet (s['’]engagent|doivent)",
    "pt": r", (e|as partes|cada)\b|\be (dever|se comprom|procur)", "ru": r"[,;] (и|а также|каждая|стороны)\b|\bи (обязу|не )", "zh": r"[,，;；](?:但|并|而)?(?:各方|双方|缔约方|每一方|一方|每一缔约方)?$|。",
}  # fmt: skip
_IDLE = {
    "en": r"(?:shall|must) (?:mean|be (?:understood|construed|interpreted|taken) (?:to|as)|have the meaning)|are to\b(?! (?:be|allow|permit|ensure|provide))|is to\b(?! (?:be|allow|permit|ensure|provide))",
    "es": r"significar|entender|se entender", "fr": r"doi(?:t|vent) (?:s['’]entendre|être (?:entendue?|interprétée?|comprise?)s?)", "pt": r"significar|entender",
    "ru": "", "zh": r"(?:应|應)(?:指|理解为|被理解|解释为)",
}  # fmt: skip
_NOTHING = {
    "en": r"\bnothing\b[^.;]{0,60}\b(shall|may|is to|can|will)? ?(be (construed|interpreted|read|understood) (as|to) )?(requir|oblig|compel|prevent|preclud|prejudic|imped)|\b(no party|neither party|a party) (is|are|shall be|will be) (not )?(obliged|required|bound|compelled)\b[^.;]{0,12}\b(by|to)\b|\b(is|are) not (obliged|required|bound)\b|\b(no|any) obligation (to|on)\b|(?<!electronic )(?<!technical )(?<!legal )(?<!other )\bmeans (a|an|any|the|all|each|those)\b|\bshall mean\b|\bthis (chapter|article|section|annex) (applies|covers|does not (apply|cover)|leaves out)\b",
    "es": r"\bnada (de lo dispuesto )?(en|de)\b[^.;]{0,80}\b(oblig|exig|requ|imped|impid|obst)|\bno (est[áa]r?[áa]?n?|quedar?[áa]?n?|ser?[áa]?n?) (obligad|requerid)|\bninguna parte (est[áa]|quedar?[áa]?|ser[áa]) obligad|\bse entender[áa]n? por\b|\bse entiende por\b|\bsignifica\b|\b(este|el presente) (cap[íi]tulo|art[íi]culo) (abarca|se aplica|no se aplica|comprende)\b",
    "fr": r"\b(rien|aucune disposition) (dans|de|du|des)\b[^.;]{0,80}\bemp[êe]ch|\brien (dans|de|du)\b[^.;]{0,80}\b(n['’]oblige|n['’]impose|n['’]exige|ne contraint)|\bn['’](est|a|ont|sont) pas (tenue?s?|obligée?s?|l['’]obligation)|\baucune (partie|disposition)[^.;]{0,40}\b(n['’]est (tenue|obligée)|n['’]oblige)|\bon entend par\b|\bs['’]entend (de|d['’])|\b(le présent|ce) chapitre (s['’]applique|ne s['’]applique pas|couvre)\b",
    "pt": r"\bnada (neste|no|na|nesta|do)\b[^.;]{0,90}\b(exig|obrig|requer|imped|obst)|\bnenhuma parte (fica|está|será|é) obrigad|\bnão (fica|está|será|é|são|ficam) obrigad|\bentende-se por\b|\bsignifica\b|\b(este|o presente) (capítulo|artigo) (deixa de fora|aplica-se|não se aplica|abrange|cobre)\b",
    "ru": r"\bничто\b[^.;]{0,80}\b(не обязыва|не требует|не возлага|не (должно )?препятств|не меша)|\bне обязан[аыо]?\b|\bне нес[уе]т обязат|\bозначает\b|\bнастоящ\w{1,3} (глава|статья) (охватывает|распространяется|не распространяется|применяется|не применяется)\b",
    "zh": r"任何(?:内容|规定)[^。；]{0,10}(?:不要求|不得解释为要求|不应解释为要求|不得阻止|不应阻止|不阻止|不得妨碍|不妨碍)|没有义务|无义务|并无义务|不负有[^。；]{0,10}义务|不承担[^。；]{0,12}义务|是指|系指|本(?:章|条)(?:适用于|不适用于|涵盖)",
}  # fmt: skip
_BODY = {
    "en": r"^(?:\d{1,2}\. ?)?(?:the |a |an |this )?(?:joint |sub-?|standing )?(?:committee|working group|contact points?|dialogue)\b[^,;]{0,60}$",
    "es": r"^(?:\d{1,2}\. ?)?(?:el |la |los )?(?:sub)?(?:comité|grupo de trabajo|puntos? de contacto)\b[^,;]{0,60}$",
    "fr": r"^(?:\d{1,2}\. ?)?(?:le |la |les )?(?:sous-)?(?:comité|groupe de travail|points? de contact)\b[^,;]{0,60}$",
    "pt": r"^(?:\d{1,2}\. ?)?(?:o |a |os )?(?:sub)?(?:comit[êé]|grupo de trabalho|pontos? de contato)\b[^,;]{0,60}$",
    "ru": r"^(?:\d{1,2}\. ?)?(?:под)?(?:комитет|рабочая группа|контактны\w{1,3} пункт\w{0,2})\b[^,;]{0,60}$",
    "zh": r"^(?:\d{1,2}\. ?)?[^，；。]{0,12}(?:委员会|工作组|联络点)[^，；。]{0,10}$",
}  # fmt: skip
_EXCEPTIONS = {
    "en": r"nothing in this (article|chapter|section|agreement|annex|paragraph|part)[^.;]{0,60} (shall|may|is to|prevents?|precludes?)|(legitimate )?public policy (objective|aim|goal|ground|purpose|reason)|general exceptions|this article (does|shall) not (prevent|preclude|apply)|does not (prevent|preclude) a party|(arbitrary|unjustifiable)( or (arbitrary|unjustifiable))? discrimination|article (xx|xiv)\b|(serves|pursues|attain|achieve|needed for|reasons of) (a )?(legitimate )?public (policy|aim|interest|morals|order)|save where|except (where|when|for|that|as)|notwithstanding paragraph|legitimate (public )?(policy )?(objective|aim|purpose)",
    "es": r"nada (de lo dispuesto )?en (este|el presente|la presente)|objetivo(s)? (leg[íi]timo(s)? )?de (pol[íi]tica|inter[ée]s) p[úu]blic|excepciones generales|discriminaci[óo]n arbitraria|no (impedir[áa]|impide|obsta)|objetivo leg[íi]timo|salvo (que|cuando)|excepto (cuando|que)",
    "fr": r"(rien|aucune disposition) (dans le |du |de la |de l['’])?(présent|cet)|objectifs? (légitimes? )?(de politique publique|d['’]intérêt public|de (la )?politique)|exceptions générales|discrimination arbitraire|n['’]emp[êe]che|objectif légitime|sauf (si|lorsque|dans)|intérêt (général|public)",
    "pt": r"nada n(este|o presente|a presente)|objetivo(s)? (leg[íi]timo(s)? )?de (pol[íi]tica|interesse) p[úu]blic|exceções gerais|discriminação arbitrária|não (impedir|impede|obsta)|objetivo leg[íi]timo|salvo (se|quando)|exceto (quando|se)",
    "ru": r"ничто в (настоящ|данн)|(законн|правомерн)\w{1,4} цел\w{1,3} (государственной|публичной)|публичн\w{1,4} (политик|интерес|порядк)|государственной политики|общи\w{1,2} исключени|произвольн\w{1,4} (или неоправданн\w{1,4} )?дискриминац|не препятствует|кроме случаев|за исключением",
    "zh": r"本(?:条|章|协定|节|款)(?:的任何规定|任何规定|中的任何)?(?:不|均不|不得).{0,12}(?:阻止|妨碍|解释为)|公共政策目标|一般例外|任意(?:的)?或不合理(?:的)?歧视|合法(?:的)?公共|正当公共|除外|公共利益",
}  # fmt: skip
_SELF = {
    "en": r"\b(it|they|that party|a party|the party) (itself |themselves )?(considers?|deems?|determines?) (to be )?(necessary|it necessary|essential)",
    "es": r"\b(considere|estime|juzgue)n? (que )?(sea )?(necesari|esencial)", "fr": r"(qu['’]elle|qu['’]il|partie) (juge|estime|considère) (être )?(nécessaire|essentiel)",
    "pt": r"\b(considere|considerar|julgue|entenda)m? (que )?(seja )?(necessári|essencia)", "ru": r"(считает|сочтет|сочтёт|полагает) (\w{1,12} )?необходим",
    "zh": r"其?认为(?:是)?(?:必要|必需|所必)",
}  # fmt: skip
_TRANSITION = {
    "en": r"\b(for|within|after) (a |the )?(transition(al)? )?(period|term) of [^.;]{0,20}(years?|months?)|\btransition(al)? period|\buntil [^.;]{0,60}(years?|months?|date|20\d\d|0000|entry into force|after)|\b(within|for|not later than|no later than) (\w{1,12}|\d{1,3}) (\(\d{1,3}\) )?(years?|months?) (of|after|from|following)",
    "es": r"per[íi]odo (transitorio|de transici[óo]n)|\b(por|durante|en) un (per[íi]odo|plazo) de|\ba m[áa]s tardar|\bhasta (el|que|la fecha)|plazo de \w{1,12} (años|meses)",
    "fr": r"période (transitoire|de transition)|(pendant|durant|dans) (une (période|durée)|un délai) de|au plus tard|jusqu['’](au|à)", "pt": r"per[íi]odo (transit[óo]rio|de transição)|(por|durante|em|no) (um )?(per[íi]odo|prazo) de|o mais tardar|até (que|o dia|[àa] data)",
    "ru": r"переходн\w{1,3} период|в течение \w{1,14} (лет|года|месяц)|до истечения|не позднее|в срок до", "zh": r"过渡期|在.{0,12}(?:年|个月)内|(?:年|月|日|生效)之?前|不迟于|直至",
}  # fmt: skip
_COMMITTEE = {
    "en": r"\b(sub-?|joint |standing )?committee\b|\bworking (group|party)\b|\bjoint (body|commission|council)\b", "es": r"\b(sub)?comit[ée]\b|\bgrupo de trabajo\b|\bcomisi[óo]n (conjunta|mixta|administradora)",
    "fr": r"\b(sous-)?comité\b|\bgroupe de travail\b|\bcommission mixte", "pt": r"\b(sub)?comit[êé]\b|\bgrupo de trabalho\b|\bcomissão (conjunta|mista)",
    "ru": r"\b(под)?комитет\w{0,3}\b|\bрабоч\w{1,3} групп|\bсовместн\w{1,3} комисси", "zh": r"委员会|工作组|联合机构",
}  # fmt: skip
_DISPUTE = {
    "en": r"dispute settlement|settlement of disputes|\bdisputes? (arising|concerning|under)", "es": r"soluci[óo]n de (controversias|diferencias)", "fr": r"règlement des (différends|litiges)",
    "pt": r"solução de (controv[ée]rsias|diferendos|lit[íi]gios)|resolução de (lit[íi]gios|diferendos)", "ru": r"(разрешени|урегулировани)\w{1,2} споров", "zh": r"争端解决",
}  # fmt: skip
_NO_DISPUTE = {
    "en": r"(no|neither) part(y|ies) (shall|may) (have )?(recourse|resort|challenge)[^.;]{0,80}dispute|(no|not|nor)\b[^.;]{0,60}\b(subject to|have recourse to|recourse to|apply to|covered by|challenge under|open to)[^.;]{0,60}dispute|dispute settlement[^.;]{0,60}(shall|does|do) not apply|shall challenge under dispute",
    "es": r"(no|ninguna)[^.;]{0,80}soluci[óo]n de (controversias|diferencias)", "fr": r"(ne|aucune)[^.;]{0,80}règlement des (différends|litiges)|règlement des (différends|litiges)[^.;]{0,40}ne s['’]applique",
    "pt": r"(não|nenhuma)[^.;]{0,80}(solução|resolução) de (controv|diferend|lit[íi]g)", "ru": r"(не|ни одна)[^.;]{0,80}(разрешени|урегулировани)\w{1,2} споров|(разрешени|урегулировани)\w{1,2} споров[^.;]{0,40}не (распростран|применя)", "zh": r"(?:不|不得|不应)[^。；]{0,30}争端解决|争端解决[^。；]{0,20}不(?:适用|应)",
}  # fmt: skip


def compiled(lang: str) -> Compiled:
    """The patterns of a language."""

    def of(table: Mapping[str, str]) -> re.Pattern[str]:
        return re.compile(table[lang])

    return Compiled(
        hard=of(_HARD),
        verb=re.compile(_ADVERB[lang] + _VERB[lang]),
        reservation=of(_RESERVATION),
        soft=of(_SOFT),
        talk=of(_TALK),
        ban=of(_BAN),
        told=of(_TOLD),
        anew=of(_ANEW),
        idle=of(_IDLE) if _IDLE[lang] else None,
        nothing=of(_NOTHING),
        body=of(_BODY),
        flags={
            "exceptions": of(_EXCEPTIONS), "self_judging": of(_SELF), "transition": of(_TRANSITION),
            "committee": of(_COMMITTEE), "dispute_settlement": of(_DISPUTE),
        },
        no_dispute=of(_NO_DISPUTE),
    )  # fmt: skip
