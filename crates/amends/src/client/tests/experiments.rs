//! Experiments are started, stopped and read.

use api::compensation::experiment::{State, StopReason};
use api::compensation::experiment_report::{ArmFigures, Look};
use api::compensation::{
    ApplyExperimentRequest, ApplyExperimentResponse, Experiment, ExperimentReport, GetExperimentReportRequest,
    GetExperimentRequest, ListExperimentsResponse, StopExperimentRequest,
};

use super::run;
use super::server::Server;

fn experiment(state: State, reason: StopReason) -> Experiment {
    Experiment {
        name: "experiments/apology-alone".into(),
        state: state.into(),
        stop_reason: reason.into(),
        metric: "RECOVERED_SHARE".into(),
        document: "id: apology-alone".into(),
        ..Experiment::default()
    }
}

#[tokio::test]
async fn an_experiment_is_started_from_its_file_and_stopped() {
    let server = Server::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "id: apology-alone").unwrap();
    let running = experiment(State::Running, StopReason::Unspecified);
    let answer = ApplyExperimentResponse { experiment: Some(running.clone()), applied: true };
    server.script.answer("apply_experiment", &answer);
    let path = file.path().to_str().unwrap();
    let done = run(&server, &["experiment", "apply", "-f", path, "--applied-by", "Lee"]).await;
    assert_eq!(done.answer(), "experiments/apology-alone was started\n");
    let request = server.script.requests::<ApplyExperimentRequest>("apply_experiment").remove(0);
    assert_eq!((request.document.as_str(), request.applied_by.as_str()), ("id: apology-alone", "Lee"));
    assert!(!request.dry_run);

    server.script.answer("get_experiment", &running);
    let shown = run(&server, &["experiment", "get", "apology-alone"]).await;
    assert!(shown.answer().contains("RUNNING") && shown.answer().contains("id: apology-alone"), "{}", shown.answer());
    let request = server.script.requests::<GetExperimentRequest>("get_experiment").remove(0);
    assert_eq!(request.name, "experiments/apology-alone");

    let stopped = experiment(State::Stopped, StopReason::ByPerson);
    server.script.answer("stop_experiment", &stopped);
    let line = ["experiment", "stop", "experiments/apology-alone", "--reason", "r", "--stopped-by", "Lee"];
    assert!(run(&server, &line).await.answer().contains("STOPPED, BY_PERSON"));
    let request = server.script.requests::<StopExperimentRequest>("stop_experiment").remove(0);
    assert_eq!((request.name.as_str(), request.reason.as_str()), ("experiments/apology-alone", "r"));

    server.script.answer("list_experiments", &ListExperimentsResponse::default());
    assert_eq!(run(&server, &["experiment", "list"]).await.answer(), "no experiments\n");
}

#[tokio::test]
async fn a_report_shows_figures_looks_and_treatment() {
    let server = Server::start().await;
    let arm = ArmFigures {
        arm: "apology-alone".into(),
        assigned: 60,
        answered: 40,
        lapsed: 10,
        sample: 50,
        value_millionths: 512_345,
        low_millionths: 400_000,
        high_millionths: 600_000,
        better_thousandths: -1_234,
        ..ArmFigures::default()
    };
    let look = Look { number: 1, benefit_thousandths: 2_963, harm_thousandths: 1_876, ..Look::default() };
    let report = ExperimentReport {
        name: "experiments/apology-alone".into(),
        metric: "RECOVERED_SHARE".into(),
        decision: "Look 1: goes on.".into(),
        arms: vec![arm],
        looks: vec![look],
        equal_treatment: true,
        ..ExperimentReport::default()
    };
    server.script.answer("get_experiment_report", &report);
    let shown = run(&server, &["experiment", "report", "apology-alone"]).await;
    for part in ["RECOVERED_SHARE: Look 1: goes on.", "0.512", "0.400 to 0.600", "-1.234", "2.963", "Equal treatment:"]
    {
        assert!(shown.answer().contains(part), "{part} is not in {}", shown.answer());
    }
    let request = server.script.requests::<GetExperimentReportRequest>("get_experiment_report").remove(0);
    assert_eq!(request.name, "experiments/apology-alone");
}
