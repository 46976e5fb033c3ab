"""Simulated people and their activities: conversations, emails, bookings, deals, payments, page views.

Times, duplicates and malformed records are in scenario.py. All people are invented; their surnames are plants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

Actor = Literal["rep", "contact", "system"]

_FIRST = (
    "Ada Alba Amir Anouk Bao Bela Bruno Carla Chidi Dana Dario Edda Elio Emre Fara Felix Gita Hana Hugo Ines "
    "Ivo Jana Joris Kaia Kofi Lena Lior Lucia Malik Mara Milo Nadia Nils Noor Olga Omar Otto Petra Quentin Rania "
    "Remi Rosa Sami Selma Soren Tara Tomas Uma Vera Viktor Wanda Yara Yusuf Zora"
)
_LAST = (
    "Acorn Alder Ash Aspen Aster Balsam Birch Bramble Briar Cedar Chestnut Clover Cypress Elder Elm Fennel Fern "
    "Hawthorn Hazel Heather Hemlock Holly Iris Ivy Juniper Larch Laurel Lilac Linden Lotus Mallow Maple Myrtle "
    "Nettle Oak Olive Orchid Pine Poplar Reed Rowan Rue Rush Sage Sorrel Spruce Sumac Tansy Thistle Thorn "
    "Willow Yarrow Yew"
)
_FIRST_NAMES, _LAST_NAMES = _FIRST.split(" "), _LAST.split(" ")
_CHANNELS = ("whatsapp", "sms", "webchat", "email", "instagram")
_STAGES = ("qualified", "proposal", "negotiation")
_CAMPAIGNS = ("spring-offer", "newsletter", "onboarding", "webinar", "win-back")
_PAGES = ("/", "/pricing", "/features", "/docs", "/blog/scoring", "/contact", "/demo")
_PRODUCTS = ("starter", "team", "scale", "training", "support-plus")
_CURRENCIES = ("EUR", "USD", "GBP")


class Activity(NamedTuple):
    """One thing that a person did or that happened to them; its subject and account are the person's."""

    topic: str
    type: str
    data: dict[str, Any]
    object: str | None = None
    actor: Actor | None = None
    robot: bool = False


@dataclass(slots=True)
class Person:
    """A contact of an account, with its open conversation, deal, booking, …."""

    account: str
    id: str
    name: str
    email: str
    owner: str
    interest: float
    introduced: bool = False
    conversation: str | None = None
    mail: str | None = None
    deal: str | None = None
    stage: int = 0
    booking: str | None = None
    followup: str | None = None
    invoice: str | None = None
    order: str | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def new_object(self, kind: str) -> str:
        """Return an id for the next conversation, deal, … of this person."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}-{self.id}-{self.counts[kind]}"


def chance(random: Random, percent: float) -> bool:
    """Return True with this probability, in percent."""
    return random.random() * 100 < percent


def people(random: Random, account: str, number: int) -> list[Person]:
    """Return the contacts of an account; a few are far more active than the rest."""
    invented = []
    for index in range(1, number + 1):
        first, last = random.choice(_FIRST_NAMES), random.choice(_LAST_NAMES)
        invented.append(
            Person(
                account=account,
                id=f"c-{index:05d}",
                name=f"{first} {last}",
                email=f"{first}.{last}.{index}@example.com".lower(),
                owner=f"rep-{random.randint(1, 6)}",
                interest=random.lognormvariate(0.0, 1.1),
            )
        )
    return invented


def introduction(person: Person, random: Random) -> Activity:
    """Return a `contact.upserted` with all fields, as a CRM sends it for a new contact."""
    data = {
        "name": person.name,
        "email": person.email,
        "phone": f"+99 555 {random.randint(0, 9_999_999):07d}",
        "owner": person.owner,
        "url": f"https://crm.example.com/{person.account}/contacts/{person.id}",
        "tags": random.sample(("customer", "trial", "partner", "press"), random.randint(0, 2)),
    }
    return Activity("contacts", "contact.upserted", data, None, "rep" if chance(random, 50) else "system")


def next_activity(person: Person, random: Random) -> Activity:
    """Return a person's next activity, and update the person's open conversation, deal, …."""
    step = random.choices(_STEPS, cum_weights=_CUMULATED)[0]
    return step(person, random)


def _message(person: Person, random: Random) -> Activity:
    if person.conversation is None or chance(random, 15):
        person.conversation = person.new_object("conversation")
    kind = random.choices(("received", "sent", "read"), (14, 12, 6))[0]
    data = {
        "channel": random.choice(_CHANNELS),
        "direction": "inbound" if kind == "received" else "outbound",
        "conversation": person.conversation,
        "text_length": random.randint(2, 900),
        "has_attachment": chance(random, 10),
    }
    actor: Actor = "rep" if kind == "sent" else "contact"
    return Activity("messages", f"message.{kind}", data, person.conversation, actor)


def _mail(person: Person, random: Random) -> Activity:
    if person.mail is None or chance(random, 30):
        person.mail = person.new_object("email")
        kind = "delivered" if chance(random, 97) else "bounced"
    else:
        kind = random.choices(("opened", "clicked", "replied", "unsubscribed"), (60, 25, 12, 1))[0]
    campaign = random.choice(_CAMPAIGNS)
    # Mail filters open and click what they scan.
    robot = kind in {"opened", "clicked"} and chance(random, 12)
    data = {"campaign": campaign, "email": person.mail, "subject": f"About {campaign}"}
    if kind == "clicked":
        data["link"] = f"https://www.example.com{random.choice(_PAGES)}"
    if kind in {"opened", "clicked"}:
        data["user_agent"] = "LinkScanner/2.1" if robot else "Mozilla/5.0"
    actor: Actor = "system" if kind in {"delivered", "bounced"} else "contact"
    return Activity("emails", f"email.{kind}", data, person.mail, actor, robot)


def _visit(person: Person, random: Random) -> Activity:
    kind = random.choices(("page", "form_submitted", "content_downloaded", "signed_up"), (40, 4, 3, 1))[0]
    path = random.choice(_PAGES)
    title = path.strip("/") or "home"
    about = f"{kind}-{title}" if kind in {"form_submitted", "content_downloaded"} else None
    data: dict[str, Any] = {
        "properties": {} if about is None else {"object_id": about},
        "context": {"page": {"url": f"https://www.example.com{path}", "path": path, "title": title}},
        "user_id": person.id,
    }
    if kind != "page":
        data["event"] = kind
    # Crawlers send the cookie of a person.
    return Activity("tracked", f"track.{kind}", data, about, None, chance(random, 6))


def _deal(person: Person, random: Random) -> Activity:
    data: dict[str, Any] = {
        "pipeline": "new-business",
        "amount": random.choice((90, 250, 800, 1999.5, 12_000)),
        "currency": random.choice(_CURRENCIES),
        "owner": person.owner,
    }
    if person.deal is None:
        person.deal, person.stage = person.new_object("deal"), 0
        return Activity("deals", "deal.created", data | {"stage": "new"}, person.deal, "rep")
    deal = person.deal
    if person.stage < len(_STAGES) and chance(random, 70):
        data |= {"stage": _STAGES[person.stage], "previous_stage": ("new", *_STAGES)[person.stage]}
        person.stage += 1
        return Activity("deals", "deal.stage_changed", data, deal, "rep")
    person.deal = None
    if chance(random, 60):
        person.invoice = person.new_object("invoice")
        return Activity("deals", "deal.won", data | {"stage": "won"}, deal, "rep")
    return Activity("deals", "deal.lost", data | {"stage": "lost"}, deal, "rep")


def _booking(person: Person, random: Random) -> Activity:
    data = {
        "calendar": person.owner,
        "service": random.choice(("intro-call", "demo", "review")),
        "duration_minutes": random.choice((15, 30, 60)),
    }
    if person.booking is None:
        person.booking = person.new_object("booking")
        by: Actor = "rep" if chance(random, 50) else "contact"
        return Activity("bookings", "booking.created", data, person.booking, by)
    booking = person.booking
    kind = random.choices(("completed", "rescheduled", "cancelled", "no_show"), (55, 20, 15, 10))[0]
    if kind != "rescheduled":
        person.booking = None
    return Activity("bookings", f"booking.{kind}", data, booking, "contact" if kind == "cancelled" else "rep")


def _followup(person: Person, random: Random) -> Activity:
    data = {"kind": random.choice(("call", "email", "visit"))}
    if person.followup is None:
        person.followup = person.new_object("followup")
        return Activity("followups", "followup.scheduled", data, person.followup, "rep")
    followup, person.followup = person.followup, None
    if chance(random, 80):
        return Activity("followups", "followup.completed", data, followup, "rep")
    return Activity("followups", "followup.missed", data, followup, "system")


def _payment(person: Person, random: Random) -> Activity:
    invoice = person.invoice or person.new_object("invoice")
    kind = random.choices(("succeeded", "failed", "refunded"), (80, 15, 5))[0]
    person.invoice = invoice if kind == "failed" else None
    data = {
        "amount": random.choice((90, 250, 800, 1999.5, 12_000)),
        "currency": random.choice(_CURRENCIES),
        "method": random.choice(("card", "transfer", "direct-debit")),
        "provider": "example-pay",
        "invoice": invoice,
    }
    return Activity("payments", f"payment.{kind}", data, invoice, "system")


def _order(person: Person, random: Random) -> Activity:
    kind, order = "placed", person.new_object("order")
    if person.order is not None and chance(random, 15):
        kind, order = "cancelled", person.order
    person.order = order if kind == "placed" else None
    products = random.sample(_PRODUCTS, random.randint(1, 3))
    data = {
        "amount": 49.9 * len(products),
        "currency": random.choice(_CURRENCIES),
        "items": len(products),
        "products": products,
    }
    return Activity("sales", f"order.{kind}", data, order, "rep" if chance(random, 30) else "contact")


def _correction(person: Person, random: Random) -> Activity:
    upserted = introduction(person, random)
    # One field alone, as a form with a single field sends it.
    return upserted._replace(data={"phone": upserted.data["phone"]}) if chance(random, 50) else upserted


_WEIGHTS: dict[Callable[[Person, Random], Activity], int] = {
    _message: 30,
    _mail: 26,
    _visit: 18,
    _deal: 8,
    _booking: 7,
    _followup: 5,
    _payment: 3,
    _order: 2,
    _correction: 1,
}
_STEPS = list(_WEIGHTS)
_CUMULATED = [sum(list(_WEIGHTS.values())[: index + 1]) for index in range(len(_WEIGHTS))]
