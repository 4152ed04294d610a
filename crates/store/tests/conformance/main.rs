//! What every backend must do: the same cases on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

mod bed;
mod effects;
mod log;
mod reopen;
mod state;

/// Each case on its own for SQLite; all of them one after another on one PostgreSQL server, each with its own database.
macro_rules! cases {
    ($($module:ident::$case:ident;)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::$module::$case(crate::bed::Bed::sqlite().await).await;
            })*
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn postgres() {
            $(
                let Some(bed) = bed::Bed::postgres().await else { return };
                println!(stringify!($case));
                $module::$case(bed).await;
            )*
        }
    };
}

cases! {
    log::an_event_comes_back_as_it_went_in;
    log::a_known_key_is_a_duplicate;
    log::concurrent_appends_lose_and_skip_nothing;
    log::a_bad_event_does_not_fail_its_neighbours;
    log::the_log_is_pruned_but_for_its_newest;
    log::news_wakes_subscribers;
    state::a_batch_is_whole_or_nothing;
    state::a_record_is_written_only_as_expected;
    state::records_are_listed_in_pages;
    state::old_records_are_pruned_unless_in_use;
    state::a_nul_in_a_key_is_refused;
    state::a_cursor_moves_only_from_where_it_stands;
    state::of_concurrent_writers_one_wins;
    state::batches_that_cross_do_not_wait_for_ever;
    effects::an_effect_is_claimed_and_comes_again;
    effects::an_outcome_is_written_with_its_batch;
    effects::a_late_finisher_is_refused;
    effects::no_effect_is_claimed_twice_at_once;
    effects::the_runner_does_what_is_due;
    effects::the_runner_does_several_at_once_and_stops_when_told;
    effects::a_lease_fences_batches;
    effects::a_lease_has_one_holder_at_a_time;
    reopen::reopening_keeps_everything;
    reopen::lost_connections_come_back;
}
