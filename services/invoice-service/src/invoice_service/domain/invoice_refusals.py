"""Why an action on an invoice is refused, each a fact with a slug. When one is raised, nothing has changed."""

from service_kit.errors import DomainError, ErrorKind


class PaymentNotFound(DomainError):
    slug = "payment-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such payment"


class DocumentNotFound(DomainError):
    slug = "document-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such document"


class StripeNotReady(DomainError):
    slug = "stripe-not-ready"
    kind = ErrorKind.CONFLICT
    title = "Stripe cannot be used yet"


class TotalsDisagree(DomainError):
    slug = "totals-disagree"
    kind = ErrorKind.CONFLICT
    title = "The totals of the draft are not those of its lines"


class DueDatePassed(DomainError):
    slug = "due-date-passed"
    kind = ErrorKind.INVALID
    title = "The due date lies before the day of issue"


class DocumentTooLarge(DomainError):
    slug = "document-too-large"
    kind = ErrorKind.INVALID
    title = "The document is too large to send"


class RecipientRefused(DomainError):
    slug = "recipient-refused"
    kind = ErrorKind.INVALID
    title = "A recipient cannot be used"


class InvoiceNotIssued(DomainError):
    slug = "invoice-not-issued"
    kind = ErrorKind.CONFLICT
    title = "Only an issued invoice can do this"


class MoneyIsApplied(DomainError):
    slug = "money-is-applied"
    kind = ErrorKind.CONFLICT
    title = "Money is applied to the invoice or in flight"


class PaymentAlreadyReversed(DomainError):
    slug = "payment-already-reversed"
    kind = ErrorKind.CONFLICT
    title = "The payment was already reversed"


class PaymentRefused(DomainError):
    slug = "payment-refused"
    kind = ErrorKind.INVALID
    title = "The payment cannot be recorded as it is"


class LinkNotFailed(DomainError):
    slug = "link-not-failed"
    kind = ErrorKind.CONFLICT
    title = "The payment link did not fail"


class LinkNotActive(DomainError):
    slug = "link-not-active"
    kind = ErrorKind.CONFLICT
    title = "There is no payment link to send at the moment"


class NothingToPay(DomainError):
    slug = "nothing-to-pay"
    kind = ErrorKind.CONFLICT
    title = "Nothing is left to pay"


class DocumentNotStored(DomainError):
    slug = "document-not-stored"
    kind = ErrorKind.CONFLICT
    title = "The document is not ready"


class AttemptNeverOrdered(DomainError):
    slug = "attempt-never-ordered"
    kind = ErrorKind.CONFLICT
    title = "Money is said to come through a link that was never ordered"
