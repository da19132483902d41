"""Faults in either wall between organisations: in the queries, which name one, and in row security under them."""

from tests.planted_faults.planting import PlantedFault

KIT = "libs/service-kit"
INVOICE = "services/invoice-service"
WALK = f"{INVOICE}/tests/integration/test_every_operation.py"
OF_OTHERS = f"{WALK}::test_what_is_its_owners_does_not_exist_for_another_organisation"
IN_LISTS = f"{WALK}::test_what_has_no_id_shows_only_the_callers_own"
ISOLATION = f"{INVOICE}/tests/integration/test_isolation.py"

OF_ISOLATION = (
    PlantedFault(
        name="a query forgets its organisation",
        member=INVOICE,
        file="src/invoice_service/queries/customers.py",
        find="col(Customer.organization_id) == organization_id, col(Customer.id) == customer_id",
        replace="col(Customer.id) == customer_id",
        caught_by=f"{OF_OTHERS}[queries alone-get_customer]",
    ),
    PlantedFault(
        name="an invoice is found by its id alone",
        member=INVOICE,
        file="src/invoice_service/queries/invoices.py",
        find="        col(Invoice.organization_id) == organization_id,\n",
        replace="",
        caught_by=f"{OF_OTHERS}[queries alone-get_invoice]",
    ),
    PlantedFault(
        name="a list shows everybody's",
        member=INVOICE,
        file="src/invoice_service/queries/customers.py",
        find="col(Customer.organization_id) == filters.organization_id, col(Customer.archived_at).is_(None)",
        replace="col(Customer.archived_at).is_(None)",
        caught_by=f"{IN_LISTS}[queries alone-list_customers]",
    ),
    PlantedFault(
        name="the audit log shows everybody's",
        member=INVOICE,
        file="src/invoice_service/queries/audit.py",
        find="conditions = [col(AuditEntry.organization_id) == filters.organization_id]",
        replace="conditions = [col(AuditEntry.organization_id).is_not(None)]",
        caught_by=f"{IN_LISTS}[queries alone-list_audit_log]",
    ),
    PlantedFault(
        name="row security is not forced",
        member=KIT,
        file="src/service_kit/migrating.py",
        find='    op.execute(f"alter table {schema}.{quoted(table)} force row level security")\n',
        replace="",
        caught_by=f"{ISOLATION}::test_every_table_of_an_organisation_is_walled_for_good",
    ),
    PlantedFault(
        name="row security is off",
        member=KIT,
        file="src/service_kit/migrating.py",
        find='    op.execute(f"alter table {schema}.{quoted(table)} enable row level security")\n',
        replace="",
        caught_by=f"{ISOLATION}::test_without_an_organisation_the_app_role_sees_no_row",
    ),
    PlantedFault(
        name="an organisation may write another's rows",
        member=KIT,
        file="src/service_kit/migrating.py",
        find='f"using ({mine}) with check ({mine})"',
        replace='f"using ({mine}) with check (true)"',
        caught_by=f"{ISOLATION}::test_one_organisation_cannot_write_a_row_for_another",
    ),
    PlantedFault(
        name="persons see each other",
        member=INVOICE,
        file="migrations/versions/0005.py",
        find="using ({key} = {ME}) with check ({key} = {ME})",
        replace="using (true) with check ({key} = {ME})",
        caught_by=f"{ISOLATION}::test_every_table_of_an_organisation_is_walled_for_good",
    ),
    PlantedFault(
        name="a cursor of any organisation is taken",
        member=INVOICE,
        file="src/invoice_service/api/cursors.py",
        find="[kind, str(organization_id), {",
        replace="[kind, {",
        caught_by=f"{ISOLATION}::test_a_cursor_of_another_organisation_is_refused",
    ),
)
