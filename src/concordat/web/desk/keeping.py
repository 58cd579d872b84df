"""What is kept of a form that came after its session's end, or for another session: the type of entry, and its answers.

The words of whoever wrote them are never lost: a form of an act becomes her draft; where it can't, they are given back.
Source: node-web.md 3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from concordat.errors import InputError
from concordat.web.desk import act_forms
from concordat.web.desk.asked import At
from concordat.web.desk.questions import kept_answers

Kept = Callable[[At], tuple[str, Mapping[str, tuple[str, ...]]]]
OF_THE_FORM = ("token", "act-id", "act-version", "do")  # fields that nobody typed


def say(at: At) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """Of `/say/<Type>`.

    Raises:
        InputError: no form writes that type.
    """
    kind = act_forms.known_type(at.parts["type"])
    return kind, kept_answers(kind, at.sent.fields)


def address(form: act_forms.Address, at: At) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """Of a form with an address of its own.

    Raises:
        InputError: the path names what isn't there.
    """
    kind, fixed = act_forms.fixed_by(at, form)
    return kind, {**kept_answers(kind, at.sent.fields), **fixed}


def change(at: At) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """The type is the draft's; of a draft that isn't this person's nothing is told, and her words go back as sent."""
    owner = at.people.accounts.sessions.was(at.cookies.get("s", ""))
    try:
        kind = at.acts.look(at.parts["act"], owner).type
    except InputError:
        return "", {name: tuple(values) for name, values in at.sent.fields.items() if name not in OF_THE_FORM}
    return kind, kept_answers(kind, at.sent.fields)
