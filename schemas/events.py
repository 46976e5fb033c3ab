"""The models of `data` of the product types (docs/contracts.md), and the check of an event against them.

The check never alters `data`, and its errors never quote a value. `data` of a type without a model is not checked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from schemas.exact_json import digits, has_more_digits, parse_data, whole
from schemas.timestamps import microseconds

__all__ = ["MODELS", "PRODUCT_TYPES", "check_data", "parse_data"]

MAX_DIGITS: Final = 38


def _number(value: object) -> int | Decimal:
    """Accept a number of at most 38 digits, unchanged; neither a boolean nor a string is a number."""
    if type(value) is not int and not isinstance(value, Decimal):
        raise PydanticCustomError("number", "expected a number")
    if has_more_digits(value, MAX_DIGITS):
        raise PydanticCustomError("digits", "expected at most 38")
    return value


def _whole_number(value: object) -> int:
    """Accept a number without a fraction, 60.0 included."""
    number = _number(value)
    if not whole(number):
        raise PydanticCustomError("integer", "expected an integer")
    return int(number) if number else 0  # a zero may carry an exponent of 10^18


def _time(value: object) -> str:
    """Accept an RFC 3339 time, unchanged: the grammar of `time`, without its bounds."""
    if not isinstance(value, str) or microseconds(value) is None:
        raise PydanticCustomError("time", "expected an RFC 3339 time")
    return value


Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Number = Annotated[int | Decimal, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Integer = Annotated[int, PlainValidator(_whole_number), WithJsonSchema({"type": "integer"})]
Time = Annotated[str, PlainValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]
ContactId = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class ProductData(BaseModel):
    """Base of all models: every field is optional, null counts as absent, unknown fields are allowed."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Message(ProductData):
    """`data` of `message.received`, `message.sent` and `message.read`."""

    channel: Text | None = None
    direction: Text | None = None
    conversation: Text | None = None
    text_length: Integer | None = None
    has_attachment: bool | None = None


class Deal(ProductData):
    """`data` of `deal.created`, `deal.stage_changed`, `deal.won` and `deal.lost`."""

    pipeline: Text | None = None
    stage: Text | None = None
    previous_stage: Text | None = None
    currency: Text | None = None
    owner: Text | None = None
    amount: Number | None = None


class Followup(ProductData):
    """`data` of `followup.scheduled`, `followup.completed` and `followup.missed`."""

    kind: Text | None = None
    due_at: Time | None = None
    completed_at: Time | None = None


class Booking(ProductData):
    """`data` of `booking.created`, `booking.rescheduled`, `.completed`, `.cancelled` and `.no_show`."""

    calendar: Text | None = None
    service: Text | None = None
    starts_at: Time | None = None
    duration_minutes: Integer | None = None


class Payment(ProductData):
    """`data` of `payment.succeeded`, `payment.failed` and `payment.refunded`."""

    currency: Text | None = None
    method: Text | None = None
    provider: Text | None = None
    invoice: Text | None = None
    amount: Number | None = None


class Order(ProductData):
    """`data` of `order.placed` and `order.cancelled`."""

    currency: Text | None = None
    amount: Number | None = None
    items: Integer | None = None
    products: list[Text] | None = None


class Email(ProductData):
    """`data` of `email.delivered`, `.opened`, `.clicked`, `.replied`, `.bounced` and `.unsubscribed`."""

    campaign: Text | None = None
    email: Text | None = None
    subject: Text | None = None
    link: Text | None = None
    user_agent: Text | None = None


class ContactUpserted(ProductData):
    """`data` of `contact.upserted`."""

    name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    owner: Text | None = None
    url: Text | None = None
    tags: list[Text] | None = None


class ContactMerged(ProductData):
    """`data` of `contact.merged`; into: the id of the surviving contact, with the rule of `subject`."""

    into: ContactId | None = None


PRODUCT_TYPES: Final[dict[str, dict[str, type[ProductData] | None]]] = {
    "messages": dict.fromkeys(("message.received", "message.sent", "message.read"), Message),
    "deals": dict.fromkeys(("deal.created", "deal.stage_changed", "deal.won", "deal.lost"), Deal),
    "followups": dict.fromkeys(("followup.scheduled", "followup.completed", "followup.missed"), Followup),
    "bookings": dict.fromkeys(
        (
            "booking.created",
            "booking.rescheduled",
            "booking.completed",
            "booking.cancelled",
            "booking.no_show",
        ),
        Booking,
    ),
    "payments": dict.fromkeys(("payment.succeeded", "payment.failed", "payment.refunded"), Payment),
    "sales": dict.fromkeys(("order.placed", "order.cancelled"), Order),
    "emails": dict.fromkeys(
        (
            "email.delivered",
            "email.opened",
            "email.clicked",
            "email.replied",
            "email.bounced",
            "email.unsubscribed",
        ),
        Email,
    ),
    "tracked": {},
    "contacts": {
        "contact.upserted": ContactUpserted,
        "contact.merged": ContactMerged,
        "contact.deleted": None,
    },
}

MODELS: Final[dict[str, type[ProductData]]] = {
    name: model for types in PRODUCT_TYPES.values() for name, model in types.items() if model is not None
}

_KINDS: Final = {
    bool: "a boolean",
    dict: "an object",
    list: "a list",
    str: "a string",
    type(None): "null",
}
_EXPECTED: Final = {
    "string_type": "expected a string",
    "string_pattern_mismatch": "which is not allowed",
    "string_too_short": "expected 1 to 256 characters",
    "string_too_long": "expected 1 to 256 characters",
    "bool_type": "expected a boolean",
    "list_type": "expected a list",
}


def check_data(kind: str, data: str) -> str | None:
    """Return what is wrong with the `data` of an event in one line, never a value of it; None if nothing is.

    data: the text of a JSON object that decoding accepted.
    """
    model = MODELS.get(kind)
    if model is None or data == "{}":
        return None
    values: dict[str, Any] = parse_data(data)
    try:
        model.__pydantic_validator__.validate_python(values)
    except ValidationError as error:
        return _first_fault(error)
    return None


def _first_fault(error: ValidationError) -> str:
    """Return the first fault as one line: the field, the kind of value found, and the one expected."""
    fault = error.errors(include_url=False)[0]
    kind = fault["type"]
    field = ".".join(str(part) for part in ("data", *fault["loc"]))
    return f"{field}: found {_found(kind, fault['input'])}, {_EXPECTED.get(kind, fault['msg'])}"


def _found(fault: str, value: Any) -> str:
    """Describe a faulty value without showing any of it: `data` may be personal."""
    match fault:
        case "digits":
            found = f"a number of {digits(value)} digits"
        case "integer":
            found = "a number with a fraction"
        case "string_pattern_mismatch":
            found = f"a string with {'U+0000' if chr(0) in value else 'a control character'}"
        case "string_too_short":
            found = "an empty string"
        case "string_too_long":
            found = f"a string of {len(value)} characters"
        case "time" if isinstance(value, str):
            found = "a string in another form"
        case _:
            found = _KINDS.get(type(value), "a number")
    return found
