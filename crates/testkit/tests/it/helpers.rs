//! Ports, waiting, the clock.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use kernel::Clock;
use testkit::{Scratch, TEST_EPOCH, eventually, free_port, virtual_clock};

#[test]
fn ports_are_free_and_never_the_same_twice() {
    let ports: BTreeSet<u16> = (0..100).map(|_| free_port()).collect();
    assert_eq!(ports.len(), 100);
    for port in ports {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("nothing listens there");
    }
}

#[tokio::test]
async fn waiting_ends_with_the_condition() {
    let mut looks = 0;
    let third = eventually("the third look", Duration::from_secs(20), || {
        looks += 1;
        std::future::ready((looks == 3).then_some(looks))
    });
    assert_eq!(third.await, 3);
}

#[tokio::test]
#[should_panic(expected = "not within 30ms: pigs fly")]
async fn waiting_in_vain_says_for_what() {
    eventually("pigs fly", Duration::from_millis(30), || std::future::ready(None::<()>)).await;
}

#[test]
fn the_clock_starts_on_a_monday_morning_and_is_moved_by_hand() {
    let clock = virtual_clock();
    assert_eq!(clock.now().to_string(), "2026-01-05T09:00:00Z");
    clock.advance(Duration::from_secs(60));
    assert_eq!(clock.now().since(TEST_EPOCH), Duration::from_secs(60));
}

#[test]
fn a_scratch_directory_goes_with_its_value() {
    let scratch = Scratch::new("Some Name");
    let path = scratch.path().to_path_buf();
    assert!(path.is_dir() && path.to_string_lossy().contains("some_name"), "{}", path.display());
    drop(scratch);
    assert!(!path.exists());
}
