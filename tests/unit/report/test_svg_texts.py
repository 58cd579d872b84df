"""Words whose letters join leave a picture with their place and look; all else stays as it was."""

from __future__ import annotations

import pytest

from concordat.report._svg_texts import lifted

NAME = 'xmlns="http://www.w3.org/2000/svg"'


def picture(inside: str) -> str:
    return f'<svg {NAME} viewBox="0 0 9 9" width="9" height="9">{inside}</svg>'


@pytest.mark.parametrize("text", ["Brazil", "中国", "Россия", "Côte d’Ivoire", "< 1", "✓ ½ −3"])
def test_a_picture_without_joined_letters_is_left_as_it_is(text: str) -> None:
    whole = picture(f"<text>{text.replace('<', '&lt;')}</text>")
    assert lifted(whole) == (whole, [])


def test_a_word_is_lifted_with_the_place_and_look_that_its_groups_give_it() -> None:
    inner = '<text x="3" y="4" fill="#111111">भारत</text><text x="5" y="6">Iran</text>'
    group = f'<g transform="translate(10,20)"><g font-size="12" text-anchor="end" fill="#222222">{inner}</g></g>'
    rest, found = lifted(picture(group + '<text font-weight="600">مصر &lt;b&gt;</text>'))
    assert found == [
        {"text": "भारत", "x": 13, "y": 24, "angle": 0, "size": 12, "weight": 400, "fill": "#111111", "anchor": 1},
        {"text": "مصر <b>", "x": 0, "y": 0, "angle": 0, "size": 13, "weight": 600, "fill": "#000000", "anchor": 0},
    ]
    assert rest.startswith(f"<svg {NAME}")
    assert rest.count("<text") == 1
    assert ">Iran</text>" in rest


def test_a_turned_word_keeps_its_angle_and_its_shift_is_turned_with_it() -> None:
    turned = '<text transform="translate(10,20) rotate(90) translate(0,4)" text-anchor="middle">e\u0301</text>'
    (found,) = lifted(picture(turned))[1]
    assert (found["x"], found["y"], found["angle"], found["anchor"]) == (6, 20, 90, 0.5)  # (0, 4) turned is (-4, 0)
