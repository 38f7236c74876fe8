"""What a rule says about a candidate: the check that is reported, and what explaining a refusal needs."""

from envkit.model.resolution import Check, Verdict
from envkit.model.value import Value
from envkit.model.vendor import ForwardRow


class Judgement(Value):
    """A check with the words for blame; `group` joins refusals for the same reason."""

    check: Check
    group: str = ""
    seen: str = ""
    needed: str = ""
    forward: ForwardRow | None = None  # the library through which alone the rule is satisfied

    @property
    def rule(self) -> str:
        """The rule that judged."""
        return self.check.rule

    @property
    def fails(self) -> bool:
        """Whether the rule refuses the candidate."""
        return self.check.verdict is Verdict.FAIL


def passed(rule: str, reason: str, *, facts: tuple[str, ...] = (), sources: tuple[str, ...] = ()) -> Judgement:
    """Say that a rule is satisfied."""
    return Judgement(check=Check(rule=rule, verdict=Verdict.PASS, reason=reason, facts=facts, sources=sources))


def unknown(rule: str, reason: str, *, facts: tuple[str, ...] = (), sources: tuple[str, ...] = ()) -> Judgement:
    """Say that a fact is missing, and what is assumed instead."""
    check = Check(rule=rule, verdict=Verdict.UNKNOWN, reason=reason, facts=facts, sources=sources)
    return Judgement(check=check, group=reason)


class Gulf(Value):
    """What is there, and what would have to be there."""

    seen: str
    needed: str
    group: str  # equal for refusals of the same kind


def failed(
    rule: str, reason: str, gulf: Gulf, *, facts: tuple[str, ...] = (), sources: tuple[str, ...] = ()
) -> Judgement:
    """Say that a rule refuses a candidate, with what was seen and what is needed."""
    check = Check(rule=rule, verdict=Verdict.FAIL, reason=reason, facts=facts, sources=sources)
    return Judgement(check=check, group=gulf.group, seen=gulf.seen, needed=gulf.needed)
