//! The conformance suite: what the docs of the ports promise, one case a promise, the same list for every store.
//!
//! A store's tests say `tms_core::store_conformance!(fresh);` where `fresh` is an `async fn() -> Option<Fresh>`. Nobody
//! picks cases; `None` skips (a database that is not there).

/// Checks that a call was refused as the pattern says.
macro_rules! refused {
    ($call:expr, $pattern:pat) => {
        match $call {
            Err($pattern) => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}

/// Expects that a thing of this kind is missing: services decide by the kind which field of a request was wrong.
macro_rules! missing {
    ($call:expr, $kind:literal) => {
        match $call {
            Err($crate::error::StoreError::Missing(what)) if what.kind == $kind => {}
            other => panic!("expected a missing {}, got {other:?}", $kind),
        }
    };
}

pub mod alert;
pub mod api_token;
pub mod audit;
pub mod blob;
pub mod credential;
pub mod customer;
pub mod enrolment;
pub mod envelope;
pub mod event;
pub mod fleet;
pub mod guess;
pub mod heartbeat;
pub mod idempotency;
pub mod lease;
pub mod life;
pub mod limit;
pub mod live;
pub mod maintenance;
pub mod metric;
pub mod notification;
pub mod password_link;
pub mod presence;
pub mod report;
pub mod second_factor;
pub mod session;
pub mod settings;
pub mod terminal;
pub mod terminal_log;
pub mod transfer;
pub mod upkeep;
pub mod user;

use super::build::NOW;
use crate::Stores;

/// Makes a store ready for history around [`NOW`], as upkeep does at the start of a server.
pub async fn prepare(stores: &Stores) {
    stores
        .upkeep
        .ensure_partitions(NOW)
        .await
        .expect("partitions around the time of the tests");
}

/// Writes one test per conformance case, each on a fresh store.
///
/// The argument is the path of an `async fn() -> Option<Fresh>`; `None` skips the case. The calling crate needs tokio
/// with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! store_conformance {
    ($fresh:path) => {
        $crate::store_conformance! { @cases $fresh;
            customer: every_field_reads_back, unknown_ones_are_not_found, names_are_unique,
                one_of_parallel_inserts_wins, a_save_replaces_every_field, stale_revision_is_refused,
                one_of_parallel_saves_wins, a_deleted_one_is_missing, one_with_terminals_stays,
                one_with_people_stays, deleting_leaves_no_orphan, deleting_leaves_the_counts_right, deleting_takes_codes_along, lists_are_in_bytewise_order, search_is_literal, search_follows_a_save,
                filters_bound_a_list;
            terminal: every_field_reads_back, unknown_ones_are_not_found, many_are_found_in_order_of_id,
                serials_are_unique, one_of_parallel_inserts_wins,
                an_unknown_customer_is_missing, a_save_reaches_the_presence_row, stale_revision_is_refused,
                one_of_parallel_saves_wins, counts_follow_status, retiring_revokes_and_uncounts,
                retiring_from_old_knowledge_is_refused, a_view_counts_unresolved_alerts,
                status_is_that_of_the_presence_row, filters_match_the_model, sorts_match_the_model, cursors_walk_each_row_once,
                cursors_survive_changes, last_heartbeat_yields_no_cursor,
                a_full_customer_takes_no_more, an_import_is_all_or_nothing, an_import_does_what_single_acts_do, a_large_import_is_stored;
            enrolment: every_field_reads_back, an_unknown_customer_is_missing, lists_are_newest_first,
                a_revoked_code_enrols_nobody, a_redemption_makes_a_terminal, a_refusal_changes_nothing,
                one_use_admits_one, parallel_redemptions_of_one_serial_make_one_terminal,
                a_customers_limit_holds_in_parallel, a_customer_may_be_closed, a_registered_terminal_is_taken_over,
                a_save_does_not_undo_an_enrolment, a_bound_code_replaces_a_pc, a_retired_terminal_comes_back;
            credential: rotation_leaves_two_tokens, a_token_rotates_once, one_of_parallel_rotations_wins,
                revoking_all_spares_other_terminals, a_token_names_the_present_customer, the_feed_is_in_order,
                the_feed_has_no_late_entries, dropping_spares_good_tokens;
            heartbeat: every_field_reads_back, batch_folds_presence_and_keeps_history,
                light_writes_leave_the_rest_alone, older_sequence_changes_nothing, parallel_batches_lose_nothing,
                parallel_counted_batches_agree_with_their_answers, operators_settings_survive,
                the_unknown_and_the_retired_are_told_so, uncounted_leaves_the_boot_alone, status_changes_are_told_everywhere,
                reported_firmware_reaches_the_lists, history_is_read_by_page, each_batch_grows_the_version_once,
                a_full_batch_is_stored, unkeepable_text_is_rejected, moving_beside_heartbeats_counts_right,
                retiring_beside_heartbeats_counts_right, alerts_beside_heartbeats_are_kept;
            life: silence_is_one_alert_and_a_heartbeat_ends_it, twenty_minutes_away_raise_no_alarm;
            presence: rows_come_in_order_of_id, a_gap_between_stamps_is_an_outage,
                stamps_of_two_nodes_close_the_gap, a_stamp_never_goes_back, parallel_stamps_record_one_outage,
                due_rows_respect_outages, due_rows_respect_a_chain_of_outages, unraised_breaches_are_due,
                breaches_in_maintenance_are_not_due, losses_go_before_thresholds,
                due_rows_are_limited_and_counted, a_sweep_is_told_everywhere, sweep_never_overwrites_a_heartbeat,
                a_sweep_beside_heartbeats_loses_none, unsettled_rows_are_found, rows_that_rules_judge_are_found, a_saved_row_is_told_everywhere,
                a_saved_row_without_change_closes_nothing, status_history_is_read_by_page,
                a_fenced_sweep_writes_nothing;
            alert: a_raised_alert_reads_back, one_open_alert_per_terminal_and_cause,
                applying_twice_changes_nothing_more, a_resolved_alert_is_not_raised_by_the_same_plan,
                recovery_resolves, alerts_follow_presence, applying_outdates_what_a_sweep_read,
                an_answer_reads_back, an_open_one_follows_its_terminal, stale_revision_is_refused, one_of_parallel_answers_wins,
                many_are_saved_together_or_not_at_all, ids_narrow_a_list, server_alerts_are_open_once,
                parallel_server_alerts_open_once, a_fenced_leader_writes_nothing,
                filters_match_the_model, open_alerts_are_counted, dropping_spares_open_and_young_ones;
            terminal_log: every_field_reads_back, an_event_id_counts_once, parallel_repeats_count_once,
                filters_match_the_model, totals_are_capped;
            transfer: everything_reads_back, a_second_time_writes_nothing, a_trial_leaves_nothing,
                a_transfer_is_all_or_nothing, a_large_transfer_is_stored;
            maintenance: every_field_reads_back, lists_are_newest_first, ending_only_brings_forward,
                out_of_step_finds_begin_and_end, overlapping_times_hold_together,
                one_ended_before_it_began_never_holds, out_of_step_is_limited_to_active_ones, out_of_step_is_asked_of_one;
            metric: an_hour_is_rolled_up_once, rolling_again_leaves_the_same, the_next_hour_never_goes_back,
                a_fenced_leader_notes_nothing, the_tail_comes_from_heartbeats, old_hours_are_dropped;
            notification: every_field_reads_back, names_are_unique, a_save_leaves_the_state_alone,
                deleting_takes_messages_along, a_step_is_all_or_nothing, due_ones_wait_for_their_channel,
                one_try_at_a_time, endings_are_noted, dropping_spares_young_messages;
            user: every_field_reads_back, names_are_unique, an_unknown_customer_is_missing,
                a_save_changes_what_others_may_change, stale_revision_is_refused, one_of_parallel_saves_wins,
                the_last_administrator_stays, parallel_demotions_leave_one_administrator,
                disabling_ends_all_that_was_given_out, a_new_password_ends_other_sessions,
                a_rehash_never_undoes_a_new_password, deleting_takes_everything_along, lists_are_in_bytewise_order,
                filters_bound_a_list;
            session: a_session_is_found_by_its_tokens, a_changed_password_begins_none, a_session_belongs_to_one_person, lists_are_newest_first,
                a_rotation_replaces_the_tokens, old_refresh_tokens_lead_to_their_session, one_rotation_wins,
                a_session_in_use_goes_on, a_proof_is_noted, an_ended_session_says_so, all_others_end_at_once, dropping_spares_living_sessions,
                token_times_read_back;
            api_token: every_field_reads_back, a_token_belongs_to_one_person, lists_are_newest_first, a_use_is_noted,
                a_deleted_one_is_unknown_at_once, dropping_spares_good_tokens;
            second_factor: every_field_reads_back, a_proposal_replaces_another, a_confirmed_one_is_not_replaced,
                one_confirms, each_step_counts_once, each_recovery_code_counts_once, a_reseal_keeps_the_rest,
                a_removed_one_is_gone;
            password_link: every_field_reads_back, a_new_one_replaces_the_old, redeeming_sets_the_password, one_redeems,
                an_expired_one_changes_nothing, dropping_spares_good_links;
            guess: guesses_are_counted_by_window, parallel_guesses_are_all_counted, a_device_is_known_again,
                a_person_has_few_devices, dropping_spares_what_counts;
            report: intervals_are_added_up, life_before_and_after_service_is_told_apart,
                a_change_meanwhile_counts_once, quarters_are_kept_once, quarters_tell_the_same_as_changes,
                alerts_are_counted_by_cause, alerts_are_counted_by_customer, customers_in_trouble_come_first;
            settings: saved_settings_load_back, stale_revision_is_refused, one_first_save_wins;
            event: every_field_reads_back, a_tail_goes_on_where_it_ended, tail_returns_each_event_once_in_order,
                dropped_events_ask_for_resync, resync_after_dropping_all_leads_on;
            idempotency: a_remembered_answer_reads_back, twenty_at_once_have_one_effect,
                a_used_key_changes_nothing, a_refused_change_leaves_the_key_free, a_forgotten_key_is_free,
                dropping_spares_young_keys;
            live: a_stream_that_is_cut_loses_nothing, a_place_that_is_gone_asks_for_resync,
                a_bound_reader_hears_of_its_customer, a_change_of_rights_acts_on_open_streams;
            lease: renewing_keeps_the_token, takeover_fences_the_old_leader, an_expired_leader_writes_until_takeover,
                a_released_lease_is_free_at_once, leases_are_independent, one_of_parallel_nodes_leads;
            limit: what_nodes_take_adds_up, a_full_bucket_begins_anew, full_buckets_are_forgotten;
            upkeep: retention_drops_whole_days, retention_drops_old_outages, partitions_are_made_once,
                compacting_keeps_the_counts, a_fresh_store_is_current,
                the_clock_is_measured;
            audit: every_field_reads_back, entries_are_signed_as_written, refusals_are_written_by_themselves,
                filters_match_the_model, cursors_walk_each_entry_once, a_customer_owns_its_entries,
                every_entry_is_linked_once, parallel_entries_are_all_linked, a_chain_has_one_end,
                a_fenced_sealer_links_nothing, an_untouched_trail_verifies, a_trimmed_chain_verifies,
                replaced_keys_verify;
            envelope: one_without_a_reason_is_refused, events_come_with_the_change, a_refused_change_tells_nothing, envelopes_of_any_size_are_carried,
                the_present_fence_is_accepted, a_lost_lease_stops_changes_of_terminals,
                a_lost_lease_stops_changes_of_presence, a_lost_lease_stops_changes_of_people;
            fleet: any_history_agrees_with_the_model;
        }
    };
    (@cases $fresh:path; $($area:ident: $($case:ident),+;)+) => {
        $crate::store_conformance! { @areas $fresh; $({ $area $($case)+ })+ }
    };
    (@areas $fresh:path; $($area:tt)+) => {
        $($crate::store_conformance! { @area $fresh; $area })+
    };
    (@area $fresh:path; { $area:ident $($case:ident)+ }) => {
        mod $area {
            #[allow(unused_imports, reason = "the path of the store's maker may be absolute")]
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let Some(fresh) = $fresh().await else { return };
                    $crate::testkit::conformance::prepare(&fresh.stores).await;
                    $crate::testkit::conformance::$area::$case(&fresh.stores).await;
                }
            )+
        }
    };
}
