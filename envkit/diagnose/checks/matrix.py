"""envkit's own data: how old it is."""

from datetime import date

from envkit.data import load_foundations, newest_source
from envkit.diagnose.examination import Answer, Examination, unknown


def check_age(examination: Examination) -> Answer:
    """Compare the newest source of envkit's data with the day of the diagnosis."""
    today, newest = examination.today, date.fromisoformat(newest_source())
    source = "newest source of envkit's data"
    if today is None:
        return unknown("the day is not known", source)
    seen = f"newest source of {newest.isoformat()}"
    age, limit = (today - newest).days, load_foundations().stale_days
    if limit is None or age <= limit:
        return Answer(seen, source)
    evidence = f"{seen}, {age} days before {today.isoformat()}"
    return Answer(seen, source, examination.finding("data-old", "matrix", evidence, days=str(age)))


CHECKS = (check_age,)
