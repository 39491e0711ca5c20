//! `amends.extension.v1.MilestoneSink`: what other services say.

use std::sync::Arc;

use api::extension::milestone_sink_server::MilestoneSink;
use api::extension::{ReportMilestonesRequest, ReportMilestonesResponse};
use chassis::{context, respond, to_status};
use tonic::{Request, Response, Status};

use super::milestone;
use crate::app::App;

/// The service.
#[derive(Clone)]
pub(crate) struct Sink {
    app: Arc<App>,
}

impl Sink {
    /// Serves these use cases.
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl MilestoneSink for Sink {
    async fn report_milestones(
        &self,
        request: Request<ReportMilestonesRequest>,
    ) -> Result<Response<ReportMilestonesResponse>, Status> {
        let context = context(&request)?;
        let (request_id, milestones) = milestone::report(request.get_ref()).map_err(to_status)?;
        self.app.report_milestones(context, &request_id, milestones).await.map(respond).map_err(to_status)
    }
}
