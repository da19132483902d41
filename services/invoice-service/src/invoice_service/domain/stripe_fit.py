"""Whether Stripe can collect an invoice exactly. What it cannot say is refused here, while drafting and at send."""

from collections.abc import Iterable
from decimal import Decimal

from contracts.money import Money, fraction_digits, plain_text
from contracts.stripe_amounts import NotRepresentableAtStripe, minimum_minor, to_stripe_amount
from service_kit.errors import DomainError, ErrorKind

from invoice_service.domain.drafting import DraftLine, exact_line_amount


class AmountNotRepresentableAtStripe(DomainError):
    slug = "amount-not-representable"
    kind = ErrorKind.INVALID
    title = "Stripe cannot take this amount"


def stripe_objection(*, currency: str, total_minor: int, lines: Iterable[DraftLine]) -> DomainError | None:
    """Why Stripe cannot collect ``total_minor`` exactly, or None. Manual collection of the same invoice stays possible.

    In a currency without fractions a line of 10.50 is refused rather than rounded, because the payer would be asked
    for another amount than the line says.
    """
    if fraction_digits(currency) == 0:
        for index, line in enumerate(lines):
            amount = exact_line_amount(line)
            if amount != amount.to_integral_value():
                return _objection(f"Stripe cannot take {_short(amount)} {currency}: there are no fractions", index)
    try:
        to_stripe_amount(Money(minor=total_minor, currency=currency))
    except NotRepresentableAtStripe as problem:
        return AmountNotRepresentableAtStripe(
            f"{problem}. Change the lines, or collect this invoice by hand", pointer="/total_minor"
        )
    return None


def stripe_warning(*, currency: str, total_minor: int) -> str | None:
    """A hint where the amount is below the smallest charge that is known; Stripe has the last word."""
    smallest = minimum_minor(currency)
    if smallest is None or total_minor >= smallest:
        return None
    return (
        f"Stripe usually takes no less than {plain_text(smallest, currency)} {currency}; "
        f"{plain_text(total_minor, currency)} {currency} will probably be refused"
    )


def _objection(reason: str, index: int) -> DomainError:
    return AmountNotRepresentableAtStripe(
        f"{reason}. Change the line, or collect this invoice by hand", pointer=f"/lines/{index}"
    )


def _short(amount: Decimal) -> str:
    return format(amount.normalize(), "f")
