//! The enumerations of the domain, as the document shows them: a wire type names one with `schema(value_type = ...)`.

use tms_core::{
    alert::{AlertState, Cause, Resolution, Severity},
    audit::verify::FindingKind,
    customer::ContractType,
    metric::Resolution as CoreResolution,
    notification::{Language as CoreLanguage, MailSecurity as CoreMailSecurity},
    permission::{Permission, Role as CoreRole},
    presence::{Link as CoreLink, Status as CoreStatus},
    report::{Granularity as CoreGranularity, Period as CorePeriod},
    terminal::{Lifecycle as CoreLifecycle, store::TerminalSort as CoreTerminalSort},
    terminal_log::LogLevel as CoreLogLevel,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr,
        schema::{Schema, Type},
    },
};

macro_rules! names {
    ($($name:ident: $values:expr;)+) => {$(
        #[doc = concat!("The names of `", stringify!($name), "`.")]
        #[derive(Debug)]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let names = $values;
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

macro_rules! all {
    ($of:ty) => {
        <$of>::ALL.iter().map(|value| value.as_str())
    };
}

/// Returns the orders that an export can have: not the one that is read by page number only.
fn exported() -> impl Iterator<Item = &'static str> {
    let all = CoreTerminalSort::ALL
        .iter()
        .filter(|sort| **sort != CoreTerminalSort::LastHeartbeat);
    all.map(|sort| sort.as_str())
}

names! {
    AlertSort: ["created_at"];
    AlertType: all!(Cause);
    AlertSeverity: all!(Severity);
    AlertStatus: all!(AlertState);
    AuditFindingKind: all!(FindingKind);
    AuditResult: ["done", "refused"];
    AuditSort: ["at"];
    BulkAction: ["acknowledge", "resolve"];
    Scope: all!(Permission);
    AlertResolution: all!(Resolution);
    ChannelKind: ["mail", "web_hook", "slack", "sns"];
    ChannelStatus: ["unused", "ok", "failing"];
    Contract: all!(ContractType);
    CustomerSort: ["company_name"];
    DeviceState: ["ok", "error", "absent", "unknown"];
    Granularity: all!(CoreGranularity);
    Language: all!(CoreLanguage);
    Lifecycle: all!(CoreLifecycle);
    Link: all!(CoreLink);
    LogLevel: all!(CoreLogLevel);
    MailSecurity: all!(CoreMailSecurity);
    Period: all!(CorePeriod);
    MetricResolution: all!(CoreResolution);
    Role: all!(CoreRole);
    Status: all!(CoreStatus);
    TerminalSort: all!(CoreTerminalSort);
    TestStatus: ["sent", "failed"];
    TerminalExportSort: exported();
    Said: ["online", "offline", "error"];
}
