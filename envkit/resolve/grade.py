"""Options put to the rules: what each build is refused for, and what is assumed where it is not."""

from typing import NamedTuple

from envkit.model.host import Runtime
from envkit.model.value import Value
from envkit.resolve.checks import (
    BUILD_RULES,
    HOST_RULES,
    PLACE_RULES,
    RANGE_RULES,
    RELEASE_RULES,
    VARIANT_RULES,
    BuildRule,
    Judgement,
)
from envkit.resolve.checks.place import counts_as_assumption
from envkit.resolve.options import Option
from envkit.resolve.rank import Key, Ranked
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation
from envkit.resolve.wheelhouse import UNKNOWN_VENDOR


class Graded(Value):
    """An option with the judgements so far; the last one is a refusal where `refusal` is set."""

    option: Option
    key: Key
    judgements: tuple[Judgement, ...]
    refusal: Judgement | None = None
    assumed: bool = False  # something is assumed for this option, and nothing refuses it
    asked: int = len(BUILD_RULES)  # how many of the rules about builds were asked


class Judged(NamedTuple):
    """What some of the rules said, up to the first that refuses."""

    judgements: tuple[Judgement, ...]
    refusal: Judgement | None
    asked: int


# What the rules about variants look at: source, index, vendor, variant, processor, runtime, device code, companions.
Alike = tuple[
    str,
    str,
    str,
    str,
    str,
    str | None,
    tuple[str, ...],
    Runtime | None,
    tuple[str, ...] | None,
    tuple[str, ...],
    tuple[int, ...],
    str,
]


def judge_host(situation: Situation) -> tuple[Judgement, ...]:
    """Apply the rules about the host alone, all of them."""
    return tuple(judgement for rule in HOST_RULES if (judgement := rule(situation)) is not None)


def grade_build(ranked: Ranked, situation: Situation, known: "dict[Alike, Judged] | None" = None) -> Graded:
    """Apply the rules that do not depend on a place, up to the first that refuses.

    `known` has what was said of builds of the same recipe in the same situation.
    """
    option, before = ranked.option, 0
    judgements: tuple[Judgement, ...] = ()
    for rules in (RANGE_RULES, VARIANT_RULES, RELEASE_RULES):
        kept = None if known is None or rules is not VARIANT_RULES or option.build.broken else known
        judged = _judge(rules, option, situation) if kept is None else _judge_alike(option, situation, kept)
        judgements = (*judgements, *judged.judgements)
        if judged.refusal is not None:
            asked = before + judged.asked
            return Graded(option=option, key=ranked.key, judgements=judgements, refusal=judged.refusal, asked=asked)
        before += len(rules)
    assumed = any(counts_as_assumption(judgement) for judgement in judgements)
    return Graded(option=option, key=ranked.key, judgements=judgements, assumed=assumed)


def _judge_alike(option: Option, situation: Situation, known: "dict[Alike, Judged]") -> "Judged":
    """Apply the rules about variants, once for all builds that are alike."""
    alike = _find_alike(option)
    if alike not in known:
        known[alike] = _judge(VARIANT_RULES, option, situation)
    return known[alike]


def _judge(rules: tuple[BuildRule, ...], option: Option, situation: Situation) -> "Judged":
    judgements: list[Judgement] = []
    for asked, rule in enumerate(rules, start=1):
        judgement = rule(option, situation)
        if judgement is None:
            continue
        judgements.append(judgement)
        if judgement.fails:
            return Judged(tuple(judgements), judgement, asked)
    return Judged(tuple(judgements), None, len(rules))


def _find_alike(option: Option) -> "Alike":
    build = option.build
    return (
        build.source,
        build.index,
        build.vendor,
        build.variant,
        build.cpu_architecture,
        build.cpu_level,
        build.cpu_features,
        build.runtime,
        build.architectures,
        build.ptx,
        tuple(id(companion) for companion in option.companions.route.builds),
        option.name if build.vendor == UNKNOWN_VENDOR else "",
    )


def grade_place(graded: Graded, place: Place, situation: Situation) -> Graded:
    """Apply the rules about a place to an option that no other rule refuses, up to the first that does."""
    judgements, option = list(graded.judgements), graded.option.at(place)
    for rule in PLACE_RULES:
        judgement = rule(option, place, situation)
        if judgement is None:
            continue
        judgements.append(judgement)
        if judgement.fails:
            return Graded(option=option, key=graded.key, judgements=tuple(judgements), refusal=judgement)
    assumed = any(counts_as_assumption(judgement) for judgement in judgements)
    return Graded(option=option, key=graded.key, judgements=tuple(judgements), assumed=assumed)


def judge_fully(option: Option, place: Place, situation: Situation) -> tuple[Judgement, ...]:
    """Apply every rule to an option at a place, also those behind a refusal."""
    about_build = (rule(option, situation) for rule in BUILD_RULES)
    about_place = (rule(option.at(place), place, situation) for rule in PLACE_RULES)
    found = (*about_build, *about_place)
    return (*judge_host(situation), *(judgement for judgement in found if judgement is not None))
