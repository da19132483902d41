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

KEY_ROTATION_POINTS: frozenset[str] = frozenset(
    {
        "payment.before_keyring_replace",
        "payment.after_keyring_replace",
        "payment.before_rewrap_commit",
        "payment.after_rewrap_commit",
    }
)
"""Reached only by the commands on master keys, never on the way of an invoice."""
