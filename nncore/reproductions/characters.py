"""A model of text, letter by letter, on sentences whose entropy is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

import nncore.random
from nncore import layers, nonlinearities
from nncore.backends import get_mode
from nncore.reproductions.base import (
    Context,
    Reproduction,
    Result,
    Schedule,
    clipped_adam,
    follow,
)
from nncore.training import compile_network, predict, train

__all__ = ["ALPHABET", "CHARACTERS", "bits", "encode", "entropy", "sentences"]

#: Subjects and objects: each noun in the singular and the plural.
_NOUNS = (("dog", "dogs"), ("cat", "cats"), ("bird", "birds"), ("mouse", "mice"))
_ADJECTIVES = ("old", "quick", "small", "brave")
#: Each verb as the singular and the plural of the subject ask for.
_VERBS = (("sees", "see"), ("hears", "hear"), ("likes", "like"), ("chases", "chase"))

#: All characters of the sentences.
ALPHABET = " .abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class _Plan:
    """What is trained how."""

    margin: float
    sentences: int
    length: int
    units: int
    epochs: int
    rate: float = 5e-3
    batch_size: int = 20


_FULL = _Plan(0.02, 10_000, 100, 96, 20)
_QUICK = _Plan(0.25, 2_000, 100, 96, 30)


def _pick(words: Sequence[Any], rng: np.random.Generator) -> Any:
    return words[int(rng.integers(len(words)))]


def sentences(count: int, rng: np.random.Generator) -> str:
    """Write sentences in which the verb agrees with the subject, however far that is.

    ``the [adjective] noun verb the [adjective] noun.``, every choice with equal chances; half of
    the nouns have an adjective, and half are plurals.

    Parameters
    ----------
    count : int
        How many.
    rng : numpy.random.Generator
        Where the choices come from.

    Returns
    -------
    str
        The sentences, with a space after each.

    Examples
    --------
    >>> import numpy as np
    >>> sentences(2, np.random.default_rng(1))
    'the birds chase the old dogs. the cats hear the cats. '
    """
    text = []
    for _ in range(count):
        subject, thing = (
            (
                f"{_pick(_ADJECTIVES, rng)} " if rng.integers(2) else "",
                _pick(_NOUNS, rng),
                int(rng.integers(2)),
            )
            for _ in range(2)
        )
        verb = _pick(_VERBS, rng)[subject[2]]
        text.append(
            f"the {subject[0]}{subject[1][subject[2]]} {verb} the {thing[0]}{thing[1][thing[2]]}. "
        )
    return "".join(text)


def entropy() -> float:
    """Compute how many bits a character of the sentences carries.

    No model can spend less on average. Every sentence can be made in one way only, so its bits
    are those of the choices: two for each noun, its number, whether it has an adjective, which
    one, and the verb.

    Returns
    -------
    float
        Bits of a sentence divided by the expected number of its characters.

    Examples
    --------
    >>> round(entropy(), 4)
    0.4
    """
    phrase = math.log2(len(_NOUNS)) + 1 + 1 + 0.5 * math.log2(len(_ADJECTIVES))
    bits = 2 * phrase + math.log2(len(_VERBS))

    def mean(words: Sequence[str]) -> float:
        return sum(map(len, words)) / len(words)

    noun = mean([form for pair in _NOUNS for form in pair])
    verb = mean([form for pair in _VERBS for form in pair])
    spaces = len("the ") * 2 + len(" ") * 2 + len(". ")
    return bits / (spaces + 2 * noun + verb + 2 * 0.5 * (mean(_ADJECTIVES) + 1))


def encode(text: str) -> np.ndarray:
    """Replace the characters by their numbers in the alphabet.

    Parameters
    ----------
    text : str
        Of :data:`ALPHABET` only.

    Returns
    -------
    numpy.ndarray
        ``(len(text),)``, int32.

    Examples
    --------
    >>> encode("a. ").tolist()
    [2, 1, 0]
    """
    return np.array([ALPHABET.index(character) for character in text], dtype="int32")


def _windows(text: str, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a text into pieces, and give for each the characters that follow."""
    codes = encode(text)
    count = (len(codes) - 1) // length
    pieces = [codes[shift : shift + count * length].reshape(count, length) for shift in (0, 1)]
    return pieces[0], pieces[1]


def bits(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Measure what a model spends on a character of the later half of a piece.

    In the first half it cannot always know where in a sentence it is: no sentence is longer than
    half a piece.

    Parameters
    ----------
    probabilities : numpy.ndarray
        ``(pieces, length, characters)``.
    targets : numpy.ndarray
        The characters that came, ``(pieces, length)``.

    Returns
    -------
    float
        Bits.

    Examples
    --------
    >>> import numpy as np
    >>> bits(np.full((1, 4, 2), 0.5), np.array([[0, 1, 0, 1]]))
    1.0
    """
    half = targets.shape[1] // 2
    right = np.take_along_axis(probabilities[:, half:], targets[:, half:, None], axis=2)
    return float(-np.log2(right.astype(np.float64)).mean())


def _network(units: int) -> Any:
    letters = layers.InputLayer((None, None), input_var=pt.imatrix("letters"), name="letters")
    vectors = layers.EmbeddingLayer(letters, len(ALPHABET), 16, name="vectors")
    gates = layers.GRULayer(vectors, units, name="gates")
    return layers.DenseLayer(
        gates,
        len(ALPHABET),
        num_leading_axes=2,
        nonlinearity=nonlinearities.softmax,
        name="next",
    )


def _write(network: Any, count: int, seed: int) -> str:
    """Let the model write, after the end of a sentence."""
    letters = layers.get_all_layers(network)[0].input_var
    last = layers.get_output(network, deterministic=True)[0, -1]
    follow_up = pytensor.function([letters], last, mode=get_mode("numba"))
    rng = np.random.default_rng(seed)
    text = "the dog sees the cat. "
    begun = len(text)
    while len(text) < begun + count:
        chances = follow_up(encode(text[-_FULL.length :])[None]).astype(np.float64)
        text += ALPHABET[rng.choice(len(ALPHABET), p=chances / chances.sum())]
    return text[begun:]


def run(context: Context) -> Result:
    """Train a recurrent model of sentences, and measure how many bits it needs.

    Parameters
    ----------
    context : Context
        The quick version has less text and a smaller network.

    Returns
    -------
    Result
        Bits for each character of new sentences.
    """
    plan = _QUICK if context.quick else _FULL
    rng = np.random.default_rng(context.seed)
    data, validation, test = (
        _windows(sentences(count, rng), plan.length) for count in (plan.sentences, 500, 2_000)
    )
    nncore.random.set_rng(context.seed)
    network = _network(plan.units)
    schedule = Schedule(plan.rate, plan.epochs)
    compiled = compile_network(
        network,
        "categorical_crossentropy",
        clipped_adam,
        schedule.rate,
        target=pt.imatrix("targets"),
    )
    history = follow(
        train(
            network,
            data,
            validation,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            compiled=compiled,
            seed=context.seed,
            progress=context.progress("training", "pieces"),
        ),
        schedule,
    )
    reached = bits(predict(network, test[0], batch_size=100), test[1])
    return Result(
        measure="bits for a character",
        target=round(entropy() + plan.margin, 3),
        reached=round(reached, 4),
        settings={
            "Data": f"sentences that are drawn anew: {data[0].size:,} training, "
            f"{validation[0].size:,} validation, {test[0].size:,} test characters",
            "Network": f"vectors of 16 numbers, {plan.units} gated recurrent units, softmax",
            "Training": f"{plan.epochs} epochs, adam, learning rate {plan.rate:g} falling linearly "
            "to 0, norm of the gradients at most 1",
            "Batches of": f"{plan.batch_size} pieces of {plan.length} characters",
        },
        numbers={"entropy of the sentences (bits for a character)": round(entropy(), 4)},
        notes={"What it writes": _write(network, 200, context.seed)},
        history=history,
        network=network,
        unit="pieces",
    )


CHARACTERS = Reproduction(
    "char-rnn",
    "A recurrent model of text, letter by letter",
    "Sutskever, Martens and Hinton, ICML 2011: recurrent networks learn to write from letters "
    "alone. Here the sentences have a known entropy, which no model can go below.",
    run,
)
