//! What a message says: made from the alerts as they are when it leaves, in the language of its channel.

use std::{collections::HashMap, fmt::Write as _};

use serde_json::{Value, json};

use super::{Channel, Item, Language, Letter, MOST_ITEMS, Message, Routing};
use crate::{
    alert::{Alert, Cause, store::AlertFilter},
    error::StoreError,
    id::{AlertId, TerminalId},
    page::{Order, PageRequest},
    stores::Stores,
    terminal::TerminalView,
    time::Timestamp,
};

/// How many alerts a text names; a program gets all.
const MOST_NAMED: usize = 20;

/// Writes the letter of a message; `None` when every alert of it is gone.
pub(super) async fn compose(
    stores: &Stores,
    channel: &Channel,
    message: &Message,
    now: Timestamp,
) -> Result<Option<Letter>, StoreError> {
    let filter = AlertFilter {
        ids: Some(message.items.iter().map(|item| item.alert).collect()),
        ..AlertFilter::default()
    };
    let page = PageRequest::first(u32::try_from(2 * MOST_ITEMS).unwrap_or(u32::MAX));
    let alerts = stores.alerts.list(&filter, Order::Ascending, &page).await?.items;
    let mut terminals: Vec<_> = alerts.iter().filter_map(|alert| alert.terminal).collect();
    terminals.sort_unstable();
    terminals.dedup();
    let terminals = stores.terminals.find_many(&terminals).await?;
    let lines = lines(&channel.draft.routing, message, &alerts, &terminals);
    if lines.is_empty() {
        return Ok(None);
    }
    Ok(Some(written(channel, message, &lines, now)))
}

/// Writes the letter with which somebody tries a channel.
pub(super) fn trial(channel: &Channel, now: Timestamp) -> Letter {
    let text = match channel.draft.language {
        Language::English => "This is a test of the notification channel",
        Language::Japanese => "通知チャネルのテストです:",
    };
    Letter {
        id: format!("test-{}-{}", channel.id, now.as_micros()),
        subject: format!("TMS: {text} {}", channel.draft.name),
        text: format!("{text} {}.\n", channel.draft.name),
        facts: json!({ "type": "test", "channel": channel.draft.name }),
        at: now,
    }
}

/// One alert of a message, with what is known of its terminal, if that is its customer's still.
struct Line<'a> {
    is_end: bool,
    alert: &'a Alert,
    terminal: Option<&'a TerminalView>,
}

/// Returns the alerts to write of. Since they were routed a terminal may have come to another customer, and its open
/// alerts with it: nobody is told of what is another's now.
fn lines<'a>(
    routing: &Routing,
    message: &Message,
    alerts: &'a [Alert],
    terminals: &'a [TerminalView],
) -> Vec<Line<'a>> {
    let alerts: HashMap<AlertId, &Alert> = alerts.iter().map(|alert| (alert.id, alert)).collect();
    let terminals: HashMap<TerminalId, &TerminalView> = terminals.iter().map(|view| (view.terminal.id, view)).collect();
    let line = |item: &Item| {
        let alert = alerts.get(&item.alert).copied();
        let alert = alert.filter(|alert| routing.reaches(alert.customer))?;
        let terminal = alert.terminal.and_then(|id| terminals.get(&id).copied());
        let terminal = terminal.filter(|view| Some(view.terminal.draft.customer) == alert.customer);
        Some(Line {
            is_end: item.is_end,
            alert,
            terminal,
        })
    };
    let mut lines: Vec<_> = message.items.iter().filter_map(line).collect();
    // The worst first, as a text may be cut.
    lines.sort_by_key(|line| (line.is_end, line.alert.severity));
    lines
}

fn written(channel: &Channel, message: &Message, lines: &[Line<'_>], now: Timestamp) -> Letter {
    let language = channel.draft.language;
    let spell = |at: Timestamp| {
        channel
            .draft
            .routing
            .hours
            .map_or_else(|| at.to_string(), |hours| hours.spell(at))
    };
    let named: Vec<String> = lines
        .iter()
        .take(MOST_NAMED)
        .map(|line| sentence(line, language, &spell))
        .collect();
    let mut text = named.join("\n");
    text.push('\n');
    let more = lines.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        let _ = match language {
            Language::English => writeln!(text, "... and {more} more"),
            Language::Japanese => writeln!(text, "... 他 {more} 件"),
        };
    }
    let subject = match (lines, language) {
        ([line], _) => headline(line, language),
        (_, Language::English) => format!("{} alerts: {}", lines.len(), counts(lines)),
        (_, Language::Japanese) => format!("アラート {} 件: {}", lines.len(), counts(lines)),
    };
    Letter {
        // Two installations may write to one receiver.
        id: format!("alerts-{}-{}", message.id, message.created_at.as_micros()),
        subject: format!("TMS: {subject}"),
        text,
        facts: json!({
            "type": "alerts",
            "count": lines.len(),
            "alerts": lines.iter().map(facts).collect::<Vec<_>>(),
        }),
        at: now,
    }
}

fn headline(line: &Line<'_>, language: Language) -> String {
    let what = title(line.alert, language);
    let over = match (line.is_end, language) {
        (false, _) => "",
        (true, Language::English) => " (over)",
        (true, Language::Japanese) => "(解消)",
    };
    match line.terminal {
        None => format!("[{}] {what}{over}", line.alert.severity),
        Some(view) => {
            let serial = view.terminal.draft.serial.as_str();
            format!("[{}] {serial}: {what}{over}", line.alert.severity)
        }
    }
}

fn sentence(line: &Line<'_>, language: Language, spell: &dyn Fn(Timestamp) -> String) -> String {
    let mut text = headline(line, language);
    if let Some(view) = line.terminal {
        let _ = write!(text, " | {}", view.company_name);
        if let Some(store) = &view.terminal.draft.store_name {
            let _ = write!(text, ", {store}");
        }
    }
    let at = match (&line.alert.resolved, line.is_end) {
        (Some(end), true) => end.at,
        _ => line.alert.created_at,
    };
    let _ = write!(text, " | {}", spell(at));
    text
}

/// Counts the alerts of each severity, the worst first.
fn counts(lines: &[Line<'_>]) -> String {
    let counted = crate::alert::Severity::ALL.iter().filter_map(|severity| {
        let count = lines.iter().filter(|line| line.alert.severity == *severity).count();
        (count > 0).then(|| format!("{count} {severity}"))
    });
    counted.collect::<Vec<_>>().join(", ")
}

fn facts(line: &Line<'_>) -> Value {
    let alert = line.alert;
    let terminal = line.terminal.map(|view| {
        json!({
            "id": view.terminal.id.get(),
            "serial_number": view.terminal.draft.serial.as_str(),
            "store_name": view.terminal.draft.store_name,
        })
    });
    let customer = line
        .terminal
        .map(|view| json!({ "id": view.terminal.draft.customer.get(), "company_name": view.company_name }));
    json!({
        "id": alert.id.get(),
        "event": if line.is_end { "resolved" } else { "raised" },
        "alert_type": alert.cause.as_str(),
        "severity": alert.severity.as_str(),
        "state": alert.state.as_str(),
        "title": title(alert, Language::English),
        "details": alert.details,
        "terminal": terminal,
        "customer": customer,
        "created_at": alert.created_at.to_string(),
        "resolved_at": alert.resolved.as_ref().map(|end| end.at.to_string()),
    })
}

const fn title(alert: &Alert, language: Language) -> &'static str {
    let (english, japanese) = match alert.cause {
        Cause::Offline if alert.is_mass_loss() => (
            "Many terminals fell silent at once",
            "多数の端末が同時に応答しなくなりました",
        ),
        Cause::Offline => ("Terminal is offline", "端末がオフラインです"),
        Cause::DeviceError => ("Card reader reports an error", "カードリーダーがエラーを報告しています"),
        Cause::ReaderAbsent => ("Card reader is not attached", "カードリーダーが接続されていません"),
        Cause::HighCpu => ("Processor is busy", "CPU 使用率が高くなっています"),
        Cause::HighMemory => ("Memory is nearly used up", "メモリがほぼ使い切られています"),
        Cause::HighDisk => ("Disk is nearly full", "ディスクの空きがほとんどありません"),
        Cause::HighTemperature => ("PC is too hot", "PC の温度が高すぎます"),
        Cause::ClockSkew => ("Clock of the PC is wrong", "PC の時計がずれています"),
        Cause::UpdateFailed => ("Firmware update failed", "ファームウェアの更新に失敗しました"),
        Cause::OutOfConfig => ("Configuration is out of step", "設定が反映されていません"),
        Cause::Security => ("Security event", "セキュリティ上の事象"),
    };
    match language {
        Language::English => english,
        Language::Japanese => japanese,
    }
}
