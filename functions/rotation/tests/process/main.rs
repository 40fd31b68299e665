//! The real binary before strict doubles: rotations under traffic.
#![expect(clippy::panic, clippy::unwrap_used, reason = "what the tests share fails them by panicking")]

mod driver;

use std::path::Path;

use tests::rotating::Fault;

/// A rotation makes some forty calls, of which most are probes; the faults are spread over those that change something.
/// Each of the faults befalls each of these calls in one rotation or the other.
const CALLS: [usize; 5] = [5, 9, 14, 22, 31];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_replaced_under_traffic_while_their_rotation_dies_and_no_request_fails() {
    let mut planned = (0..).map(|number| (CALLS[number % CALLS.len()], Fault::ALL[number * 2 % Fault::ALL.len()]));
    // From the third run on all goes well, so that each rotation has an end.
    let fault = |run| if run < 2 { planned.next() } else { None };
    let report = driver::rotate(Path::new(env!("CARGO_BIN_EXE_rotation")), 3, fault).await;
    assert_eq!(report.failed, [] as [String; 0]);
    assert!(report.served > 100, "{report:?}");
    assert_eq!(report.rotations, 3);
    assert!(report.faults >= 3, "{} faults", report.faults);
    // One for each rotation and the first; what is neither current nor previous nor the one before is gone.
    assert_eq!(report.made, 4, "a step that ran again has made another key");
    assert!(report.living <= 3 && report.living < report.made, "{} keys are alive", report.living);
    assert!(report.keys.len() >= 3, "requests were answered with {:?}", report.keys);
    assert_eq!(report.leaks(), [] as [&str; 0]);
    assert!(report.printed.contains("\"rotations\""), "no metric was printed");
}
