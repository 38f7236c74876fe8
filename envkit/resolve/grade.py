"""Options put to the rules: what each build is refused for, and what is assumed where it is not."""

from envkit.model.value import Value
from envkit.resolve.checks import BUILD_RULES, HOST_RULES, PLACE_RULES, Judgement
from envkit.resolve.checks.place import counts_as_assumption
from envkit.resolve.options import Option
from envkit.resolve.rank import Key, Ranked
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation


class Graded(Value):
    """An option with the judgements so far; the last one is a refusal where `refusal` is set."""

    option: Option
    key: Key
    judgements: tuple[Judgement, ...]
    refusal: Judgement | None = None
    assumed: bool = False  # something is assumed for this option, and nothing refuses it
    asked: int = len(BUILD_RULES)  # how many of the rules about builds were asked


def judge_host(situation: Situation) -> tuple[Judgement, ...]:
    """Apply the rules about the host alone, all of them."""
    return tuple(judgement for rule in HOST_RULES if (judgement := rule(situation)) is not None)


def grade_build(ranked: Ranked, situation: Situation) -> Graded:
    """Apply the rules that do not depend on a place, up to the first that refuses."""
    judgements: list[Judgement] = []
    for asked, rule in enumerate(BUILD_RULES, start=1):
        judgement = rule(ranked.option, situation)
        if judgement is None:
            continue
        judgements.append(judgement)
        if judgement.fails:
            found = tuple(judgements)
            return Graded(option=ranked.option, key=ranked.key, judgements=found, refusal=judgement, asked=asked)
    assumed = any(counts_as_assumption(judgement) for judgement in judgements)
    return Graded(option=ranked.option, key=ranked.key, judgements=tuple(judgements), assumed=assumed)


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
