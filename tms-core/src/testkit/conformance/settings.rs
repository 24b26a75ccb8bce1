//! Cases of [`crate::settings::SettingsStore`].

use futures::future::join_all;

use crate::{
    Stores,
    alert::{
        Cause, Severity,
        rule::{AlertRule, AlertRules, Threshold},
    },
    error::StoreError,
    id::Revision,
    permission::Role,
    report::Calendar,
    settings::{PresenceSettings, ReportSettings, Retention, SecuritySettings, Settings, StoredSettings},
    testkit::build,
};

fn changed() -> Settings {
    Settings {
        presence: PresenceSettings {
            default_interval_s: 1,
            lost_after_intervals: 10,
            lost_grace_s: 0,
            mass_loss_percent: 100,
            mass_loss_minimum: 1_000_000,
            mass_loss_hold_s: 86_400,
        },
        rules: AlertRules::new(vec![AlertRule {
            cause: Cause::HighCpu,
            customer: None,
            is_enabled: false,
            severity: Severity::Info,
            threshold: Some(Threshold {
                value: 86_400,
                duration_s: 86_400,
                clear_value: 0,
            }),
        }]),
        retention: Retention {
            metrics_days: 400,
            metrics_hourly_days: 4_000,
            status_changes_days: 4_000,
            logs_days: 1,
            resolved_alerts_days: 4_000,
            audit_days: 31,
            events_days: 30,
        },
        security: SecuritySettings {
            second_factor_roles: [Role::Admin, Role::Viewer].into(),
            step_up_minutes: 60,
        },
        reports: ReportSettings {
            calendar: Calendar::parse("America/Sao_Paulo").unwrap(),
        },
    }
}

/// There are none until they are saved first; what is saved loads back equal.
pub async fn saved_settings_load_back(stores: &Stores) {
    assert_eq!(stores.settings.load().await.unwrap(), None);
    let first = stores.settings.save(&changed(), None, build::act()).await.unwrap();
    let expected = |settings, revision| Some(StoredSettings { settings, revision });
    assert_eq!(stores.settings.load().await.unwrap(), expected(changed(), first));
    let second = stores
        .settings
        .save(&Settings::default(), Some(first), build::act())
        .await
        .unwrap();
    assert!(second > first);
    assert_eq!(
        stores.settings.load().await.unwrap(),
        expected(Settings::default(), second)
    );
}

/// Who saw an older revision, or none, may not save.
pub async fn stale_revision_is_refused(stores: &Stores) {
    let early = stores
        .settings
        .save(&changed(), Some(Revision::FIRST), build::act())
        .await;
    refused!(early, StoreError::Stale(_));
    let first = stores.settings.save(&changed(), None, build::act()).await.unwrap();
    for seen in [None, Some(first.next())] {
        let outcome = stores
            .settings
            .save(&Settings::default(), seen, build::act_with_event(1))
            .await;
        refused!(outcome, StoreError::Stale(_));
    }
    assert_eq!(stores.settings.load().await.unwrap().unwrap().settings, changed());
}

/// Of parallel first saves, one succeeds.
pub async fn one_first_save_wins(stores: &Stores) {
    let settings = changed();
    let outcomes = join_all((0..6).map(|_| stores.settings.save(&settings, None, build::act()))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Stale(_));
    }
}
