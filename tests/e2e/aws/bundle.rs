//! The whole bundle: applied, used in every way, found to be allowed neither more nor less than it did, and destroyed.
//!
//! One test, since applying takes longest; its steps are named like tests and run one after the other. `STEPS=WORD,...`
//! chooses among them: parts of a name, or of that of its file.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;

use super::stack::Stack;
use super::{deployment, ends, faults, rotated, service, shares, signed, trail};

type Step = for<'s> fn(&'s Stack) -> Pin<Box<dyn Future<Output = ()> + 's>>;

macro_rules! steps {
    ($($part:ident::$name:ident,)*) => {
        [$((concat!(stringify!($part), "::", stringify!($name)), (|stack| Box::pin($part::$name(stack))) as Step),)*]
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bundle_applies_serves_as_promised_and_is_destroyed() {
    let steps = steps![
        deployment::terraform_sets_what_the_function_reads,
        deployment::whatever_can_carry_tags_carries_those_of_the_bundle,
        service::the_official_sdks_work,
        service::nothing_printed_holds_a_key_a_prompt_an_answer_or_a_user,
        faults::a_ledger_that_fails_refuses_before_gemini_is_asked,
        faults::a_queue_that_fails_refuses_before_gemini_is_asked,
        faults::a_record_whose_receipt_is_lost_is_kept_all_the_same,
        faults::secrets_that_cannot_be_read_refuse_until_they_can,
        faults::a_policy_that_cannot_be_read_refuses_until_it_can,
        ends::a_deadline_kill_leaves_an_intent_and_a_booked_reservation,
        ends::a_freeze_in_mid_stream_loses_nothing,
        shares::two_environments_share_a_limit,
        shares::racing_environments_never_pass_a_budget_and_lock_nobody_out,
        shares::racing_environments_never_pass_a_limit_and_lock_nobody_out,
        shares::a_changed_policy_and_a_revoked_caller_are_taken_over,
        rotated::the_key_is_replaced_under_traffic_and_no_request_fails,
        rotated::the_role_that_rotates_may_do_what_it_did_and_nothing_else,
        service::every_record_is_whole_and_in_its_chain,
        trail::terraform_sets_what_drain_sealer_and_detection_read,
        trail::what_cannot_be_stored_comes_again_until_it_can,
        trail::a_poison_message_goes_alone_to_the_dead_letters_with_its_reason,
        trail::records_lie_where_athena_looks_in_columns_that_it_knows,
        trail::sealed_hours_verify_and_one_altered_object_is_found,
        trail::detection_tells_people_of_each_once,
        trail::each_role_may_do_what_it_did_and_nothing_else,
        deployment::the_role_may_do_what_it_did_and_nothing_else,
        deployment::another_apply_would_change_nothing_that_is_not_listed,
        signed::a_change_to_aws_iam_leaves_the_door_to_the_named_roles,
    ];
    let chosen = chosen();
    let stack = Stack::apply().await;
    let mut failed = Vec::new();
    for (name, step) in steps {
        if !chosen.split(',').any(|chosen| name.contains(chosen)) {
            continue;
        }
        let ended = AssertUnwindSafe(step(&stack)).catch_unwind().await;
        report(name, ended.is_ok());
        stack.calm().await;
        if ended.is_err() {
            failed.push(name);
        }
    }
    stack.gemini.assert_faultless();
    stack.terraform.destroy().await;
    let rest = stack.terraform.resources().await;
    assert!(rest.is_empty(), "the destroyed bundle still has {rest:#?}");
    assert!(failed.is_empty(), "{failed:#?}");
}

#[expect(clippy::disallowed_methods, reason = "a word for whoever runs the tests, no setting of ours")]
fn chosen() -> String {
    std::env::var("STEPS").unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "what the test runner says of a test")]
fn report(name: &str, went_well: bool) {
    println!("step {name} ... {}", if went_well { "ok" } else { "FAILED" });
}
