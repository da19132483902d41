"""Every boundary at which this service can be killed between the outside world and its own record, by name."""

PAYMENT_POINTS: frozenset[str] = frozenset(
    {
        "payment.before_key_record",
        "payment.before_webhook_call",
        "payment.after_webhook_call",
        "payment.before_link_call",
        "payment.after_link_call",
        "payment.before_link_record",
        "payment.before_webhook_store",
        "payment.after_webhook_store",
        "payment.before_session_call",
        "payment.after_session_call",
        "payment.before_capture_record",
        "payment.before_deactivate_call",
        "payment.after_deactivate_call",
        "payment.after_expire_calls",
        "payment.before_closing_record",
        "payment.before_poll_call",
        "payment.before_poll_record",
    }
)
