//! The drawings of the console: strokes on a grid of 24, in the colour of the text around.

/// Returns the drawing of a name; nothing for an unknown one.
pub(super) fn draw(name: &str) -> &'static str {
    let found = ICONS.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, drawing)| drawing)
}

macro_rules! icons {
    ($($name:literal $strokes:literal,)+) => {
        &[$((
            $name,
            concat!(
                r#"<svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" "#,
                r#"stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" "#,
                r#"focusable="false">"#,
                $strokes,
                "</svg>",
            ),
        ),)+]
    };
}

const ICONS: &[(&str, &str)] = icons![
    // The mark of TMS: a card reader that is heard.
    "mark" r#"<rect x="5" y="2.5" width="14" height="19" rx="3"/><path d="M8.5 6.5h7v4h-7z"/><path d="M8.5 15h.01M12 15h.01M15.5 15h.01M8.5 18h.01M12 18h.01M15.5 18h.01"/>"#,
    "dashboard" r#"<path d="M4 20V10M10 20V4M16 20v-7M21 20H3"/>"#,
    "terminal" r#"<rect x="6" y="3" width="12" height="18" rx="2.5"/><path d="M9 7h6v3.5H9zM9.5 14.5h.01M12 14.5h.01M14.5 14.5h.01M9.5 17.5h.01M12 17.5h.01M14.5 17.5h.01"/>"#,
    "alert" r#"<path d="M12 4 2.8 19.5h18.4z"/><path d="M12 10v4.5M12 17.2h.01"/>"#,
    "customer" r#"<path d="M4 20V8l8-4 8 4v12"/><path d="M9 20v-5h6v5M9 11h.01M12 11h.01M15 11h.01M2.5 20h19"/>"#,
    "firmware" r#"<rect x="6" y="6" width="12" height="12" rx="2"/><path d="M9 3v3M15 3v3M9 18v3M15 18v3M3 9h3M3 15h3M18 9h3M18 15h3"/>"#,
    "deployment" r#"<path d="M12 3v12M7.5 7.5 12 3l4.5 4.5M4 15v3.5A1.5 1.5 0 0 0 5.5 20h13a1.5 1.5 0 0 0 1.5-1.5V15"/>"#,
    "report" r#"<path d="M6 3h8l4 4v14H6z"/><path d="M14 3v4h4M9 12h6M9 16h6"/>"#,
    "users" r#"<circle cx="9" cy="8" r="3.5"/><path d="M2.5 20c.6-3.6 3.2-5.5 6.5-5.5s5.9 1.9 6.5 5.5M16 4.8a3.3 3.3 0 0 1 0 6.4M18.5 15c1.7.8 2.7 2.5 3 5"/>"#,
    "audit" r#"<path d="M5 4h14v16H5z"/><path d="m8.5 9 1.2 1.2L12 8M8.5 15l1.2 1.2L12 14M14.5 9.5H16M14.5 15.5H16"/>"#,
    "settings" r#"<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>"#,
    "bell" r#"<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4"/>"#,
    "search" r#"<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>"#,
    "sun" r#"<circle cx="12" cy="12" r="4"/><path d="M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"/>"#,
    "moon" r#"<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z"/>"#,
    "auto" r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5v17a8.5 8.5 0 0 0 0-17z" fill="currentColor"/>"#,
    "person" r#"<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c.8-4.2 3.7-6.5 7.5-6.5s6.7 2.3 7.5 6.5"/>"#,
    "sign-out" r#"<path d="M10 4H5v16h5M15 8l4 4-4 4M19 12H9"/>"#,
    "menu" r#"<path d="M4 7h16M4 12h16M4 17h16"/>"#,
    "plus" r#"<path d="M12 5v14M5 12h14"/>"#,
    "download" r#"<path d="M12 4v11M7.5 11 12 15.5 16.5 11M4 20h16"/>"#,
    "wrench" r#"<path d="M14.5 6.5a4 4 0 0 1 5-3.8L17 5.2l1.8 1.8 2.5-2.5a4 4 0 0 1-5.3 5L8 17.5a2.1 2.1 0 1 1-3-3l8-8z" transform="translate(-.5 1.5)"/>"#,
    "edit" r#"<path d="M4 20h4L19.5 8.5l-4-4L4 16z"/><path d="m13 7 4 4"/>"#,
    "clock" r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>"#,
    "key" r#"<circle cx="8" cy="15" r="4"/><path d="m11 12 8.5-8.5M16 7l3 3"/>"#,
    "check" r#"<path d="m5 12.5 4.5 4.5L19 7.5"/>"#,
    "cross" r#"<path d="M6 6l12 12M18 6 6 18"/>"#,
    "arrow-left" r#"<path d="M19 12H5M11 6l-6 6 6 6"/>"#,
    "arrow-right" r#"<path d="M5 12h14M13 6l6 6-6 6"/>"#,
    "sort-up" r#"<path d="M12 19V5M6 11l6-6 6 6"/>"#,
    "sort-down" r#"<path d="M12 5v14M6 13l6 6 6-6"/>"#,
    // Statuses: each has a shape of its own, so that colour is never all that tells them apart.
    "online" r#"<circle cx="12" cy="12" r="7" fill="currentColor" stroke="none"/><path d="m8.7 12.3 2.3 2.3 4.4-4.7" class="cut" stroke-width="2.2"/>"#,
    "offline" r#"<circle cx="12" cy="12" r="6.5" stroke-width="2.2"/><path d="m7.5 16.5 9-9" stroke-width="2.2"/>"#,
    "error" r#"<path d="M12 3.5 21.5 20h-19z" fill="currentColor" stroke="none"/><path d="M12 10v4.2M12 17h.01" class="cut" stroke-width="2.2"/>"#,
    "maintenance" r#"<path d="m12 3.5 8.5 8.5-8.5 8.5L3.5 12z" fill="currentColor" stroke="none"/><path d="M9 12h6" class="cut" stroke-width="2.4"/>"#,
];
