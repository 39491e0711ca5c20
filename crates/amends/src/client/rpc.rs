//! Which request goes to which method: one table, typed by the generated clients.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use prost::Message;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

/// The request message of a unary method.
pub trait Rpc: Message + Clone + Sync + 'static {
    /// What it is answered with.
    type Response: Message + Default + Send;
    /// Full name of the method.
    const METHOD: &'static str;

    /// The request id, of a mutation.
    fn request_id(&self) -> Option<&str>;

    /// Sends it, once.
    fn send(channel: Channel, request: Request<Self>) -> BoxFuture<'static, Result<Response<Self::Response>, Status>>
    where
        Self: Sized;
}

/// The request message of a list method.
pub trait Pages: Rpc {
    /// Asks for another page.
    fn set_page(&mut self, size: i32, token: String);
    /// Token of the page after `response`; empty on the last one.
    fn next_page_token(response: &Self::Response) -> &str;
    /// Adds the page after `response` to it.
    fn append(response: &mut Self::Response, next: Self::Response);
}

macro_rules! rpcs {
    ($($package:ident :: $module:ident :: $client:ident, $methods:ident {
        reads { $($read:ident => $found:ident, $get:ident, $READ:ident;)* }
        writes { $($write:ident => $done:ident, $act:ident, $WRITE:ident;)* }
        lists { $($list:ident => $page:ident { $items:ident }, $fetch:ident, $LIST:ident;)* }
    })+) => {
        $(
            $(rpcs!(@rpc $package $module $client $methods $read $found $get $READ, |_request| None);)*
            $(rpcs!(@rpc $package $module $client $methods $write $done $act $WRITE, |request| Some(&request.request_id));)*
            $(
                rpcs!(@rpc $package $module $client $methods $list $page $fetch $LIST, |_request| None);

                impl Pages for api::$package::$list {
                    fn set_page(&mut self, size: i32, token: String) {
                        self.page_size = size;
                        self.page_token = token;
                    }

                    fn next_page_token(response: &Self::Response) -> &str {
                        &response.next_page_token
                    }

                    fn append(response: &mut Self::Response, next: Self::Response) {
                        *response = api::$package::$page {
                            $items: std::mem::take(&mut response.$items).into_iter().chain(next.$items).collect(),
                            ..next
                        };
                    }
                }
            )*
        )+

        /// Method, request and response of every entry, and whether it changes anything.
        #[cfg(test)]
        pub const TABLE: &[(&str, &str, &str, &str, bool)] = &[$(
            $((api::method::$methods::$READ, stringify!($get), stringify!($read), stringify!($found), false),)*
            $((api::method::$methods::$WRITE, stringify!($act), stringify!($write), stringify!($done), true),)*
            $((api::method::$methods::$LIST, stringify!($fetch), stringify!($list), stringify!($page), false),)*
        )+];
    };
    (@rpc $package:ident $module:ident $client:ident $methods:ident $request:ident $response:ident $call:ident
        $METHOD:ident, $id:expr) => {
        impl Rpc for api::$package::$request {
            type Response = api::$package::$response;
            const METHOD: &'static str = api::method::$methods::$METHOD;

            fn request_id(&self) -> Option<&str> {
                let id: fn(&Self) -> Option<&str> = $id;
                id(self)
            }

            fn send(
                channel: Channel,
                request: Request<Self>,
            ) -> BoxFuture<'static, Result<Response<Self::Response>, Status>> {
                async move { api::$package::$module::$client::new(channel).$call(request).await }.boxed()
            }
        }
    };
}

rpcs! {
    intake::intake_service_client::IntakeServiceClient, intake_service {
        reads {
            GetCustomerRequest => Customer, get_customer, GET_CUSTOMER;
            GetCaseRequest => Case, get_case, GET_CASE;
            GetDisruptionRequest => Disruption, get_disruption, GET_DISRUPTION;
        }
        writes {
            OpenCaseRequest => OpenCaseResponse, open_case, OPEN_CASE;
            AskQuestionRequest => Case, ask_question, ASK_QUESTION;
            RecordFindingRequest => Case, record_finding, RECORD_FINDING;
            SetRequestedRemedyRequest => Case, set_requested_remedy, SET_REQUESTED_REMEDY;
            ReopenCaseRequest => Case, reopen_case, REOPEN_CASE;
            ReportDisruptionRequest => Disruption, report_disruption, REPORT_DISRUPTION;
        }
        lists {
            ListCasesRequest => ListCasesResponse { cases }, list_cases, LIST_CASES;
            GetCustomerTimelineRequest => GetCustomerTimelineResponse { entries },
                get_customer_timeline, GET_CUSTOMER_TIMELINE;
        }
    }
    routing::routing_service_client::RoutingServiceClient, routing_service {
        reads {
            GetWorkItemRequest => WorkItem, get_work_item, GET_WORK_ITEM;
        }
        writes {
            CreateQueueRequest => Queue, create_queue, CREATE_QUEUE;
            CreateAgentRequest => Agent, create_agent, CREATE_AGENT;
            SetPresenceRequest => Agent, set_presence, SET_PRESENCE;
            ClaimWorkRequest => WorkItem, claim_work, CLAIM_WORK;
            PostProgressRequest => WorkItem, post_progress, POST_PROGRESS;
            EscalateWorkRequest => WorkItem, escalate_work, ESCALATE_WORK;
            CompleteWorkRequest => WorkItem, complete_work, COMPLETE_WORK;
        }
        lists {
            ListQueuesRequest => ListQueuesResponse { queues }, list_queues, LIST_QUEUES;
            ListAgentsRequest => ListAgentsResponse { agents }, list_agents, LIST_AGENTS;
            ListWorkItemsRequest => ListWorkItemsResponse { work_items }, list_work_items, LIST_WORK_ITEMS;
        }
    }
    compensation::compensation_service_client::CompensationServiceClient, compensation_service {
        reads {
            AssessRequest => Assessment, assess, ASSESS;
            GetRemedyRequest => Remedy, get_remedy, GET_REMEDY;
            GetOfferRequest => Offer, get_offer, GET_OFFER;
            GetVoucherRequest => Voucher, get_voucher, GET_VOUCHER;
            GetPayoutRequest => Payout, get_payout, GET_PAYOUT;
            GetLedgerBalancesRequest => GetLedgerBalancesResponse, get_ledger_balances, GET_LEDGER_BALANCES;
        }
        writes {
            MakeOfferRequest => Offer, make_offer, MAKE_OFFER;
            RespondToOfferRequest => Offer, respond_to_offer, RESPOND_TO_OFFER;
            AdvancePayoutRequest => Payout, advance_payout, ADVANCE_PAYOUT;
        }
        lists {
            ListPacksRequest => ListPacksResponse { packs }, list_packs, LIST_PACKS;
            ListRemediesRequest => ListRemediesResponse { remedies }, list_remedies, LIST_REMEDIES;
            ListOffersRequest => ListOffersResponse { offers }, list_offers, LIST_OFFERS;
            ListVouchersRequest => ListVouchersResponse { vouchers }, list_vouchers, LIST_VOUCHERS;
            ListPayoutsRequest => ListPayoutsResponse { payouts }, list_payouts, LIST_PAYOUTS;
            ListLedgerTransactionsRequest => ListLedgerTransactionsResponse { ledger_transactions },
                list_ledger_transactions, LIST_LEDGER_TRANSACTIONS;
        }
    }
    compensation::settlement_service_client::SettlementServiceClient, settlement_service {
        reads {
            GetSettlementDiscrepancyRequest => SettlementDiscrepancy,
                get_settlement_discrepancy, GET_SETTLEMENT_DISCREPANCY;
        }
        writes {
            ResolveSettlementDiscrepancyRequest => SettlementDiscrepancy,
                resolve_settlement_discrepancy, RESOLVE_SETTLEMENT_DISCREPANCY;
            SettlePayoutRequest => PayoutSettlement, settle_payout, SETTLE_PAYOUT;
            ApprovePayoutSettlementRequest => PayoutSettlement, approve_payout_settlement, APPROVE_PAYOUT_SETTLEMENT;
            RejectPayoutSettlementRequest => PayoutSettlement, reject_payout_settlement, REJECT_PAYOUT_SETTLEMENT;
        }
        lists {
            ListSettlementDiscrepanciesRequest => ListSettlementDiscrepanciesResponse { settlement_discrepancies },
                list_settlement_discrepancies, LIST_SETTLEMENT_DISCREPANCIES;
            ListPayoutSettlementsRequest => ListPayoutSettlementsResponse { payout_settlements },
                list_payout_settlements, LIST_PAYOUT_SETTLEMENTS;
        }
    }
    compensation::ledger_service_client::LedgerServiceClient, ledger_service {
        reads {
            GetVoucherLiabilityRequest => GetVoucherLiabilityResponse, get_voucher_liability, GET_VOUCHER_LIABILITY;
            GetOrderFundsRequest => GetOrderFundsResponse, get_order_funds, GET_ORDER_FUNDS;
            GetPayoutFreezeRequest => PayoutFreeze, get_payout_freeze, GET_PAYOUT_FREEZE;
        }
        writes {
            RedeemVoucherRequest => VoucherRedemption, redeem_voucher, REDEEM_VOUCHER;
            ReverseGrantRequest => GrantReversal, reverse_grant, REVERSE_GRANT;
            RecordCaptureRequest => OrderFunds, record_capture, RECORD_CAPTURE;
            FreezePayoutsRequest => PayoutFreeze, freeze_payouts, FREEZE_PAYOUTS;
            UnfreezePayoutsRequest => PayoutFreeze, unfreeze_payouts, UNFREEZE_PAYOUTS;
        }
        lists {}
    }
    compensation::recovery_service_client::RecoveryServiceClient, recovery_service {
        reads {
            GetGateDecisionRequest => GateDecision, get_gate_decision, GET_GATE_DECISION;
        }
        writes {
            OverrideGateRequest => GateDecision, override_gate, OVERRIDE_GATE;
            RecordApologyRequest => Remedy, record_apology, RECORD_APOLOGY;
            CounterOfferRequest => Offer, counter_offer, COUNTER_OFFER;
        }
        lists {}
    }
    compensation::pack_service_client::PackServiceClient, pack_service {
        reads {
            GetPackRequest => Pack, get_pack, GET_PACK;
        }
        writes {
            ApplyPackRequest => ApplyPackResponse, apply_pack, APPLY_PACK;
        }
        lists {}
    }
    compensation::authority_service_client::AuthorityServiceClient, authority_service {
        reads {
            GetPolicyRequest => Policy, get_policy, GET_POLICY;
            BacktestPolicyRequest => BacktestPolicyResponse, backtest_policy, BACKTEST_POLICY;
            GetApprovalRequest => Approval, get_approval, GET_APPROVAL;
        }
        writes {
            ApplyPolicyRequest => ApplyPolicyResponse, apply_policy, APPLY_POLICY;
            ApproveOfferRequest => Approval, approve_offer, APPROVE_OFFER;
            RejectOfferRequest => Approval, reject_offer, REJECT_OFFER;
        }
        lists {
            ListCatalogueItemsRequest => ListCatalogueItemsResponse { catalogue_items },
                list_catalogue_items, LIST_CATALOGUE_ITEMS;
            ListApprovalsRequest => ListApprovalsResponse { approvals }, list_approvals, LIST_APPROVALS;
            ListAutonomousDecisionsRequest => ListAutonomousDecisionsResponse { autonomous_decisions },
                list_autonomous_decisions, LIST_AUTONOMOUS_DECISIONS;
            ListAbuseSignalsRequest => ListAbuseSignalsResponse { abuse_signals },
                list_abuse_signals, LIST_ABUSE_SIGNALS;
        }
    }
    compensation::experiment_service_client::ExperimentServiceClient, experiment_service {
        reads {
            GetExperimentRequest => Experiment, get_experiment, GET_EXPERIMENT;
            GetExperimentReportRequest => ExperimentReport, get_experiment_report, GET_EXPERIMENT_REPORT;
        }
        writes {
            ApplyExperimentRequest => ApplyExperimentResponse, apply_experiment, APPLY_EXPERIMENT;
            StopExperimentRequest => Experiment, stop_experiment, STOP_EXPERIMENT;
        }
        lists {
            ListExperimentsRequest => ListExperimentsResponse { experiments }, list_experiments, LIST_EXPERIMENTS;
        }
    }
    followup::follow_up_service_client::FollowUpServiceClient, follow_up_service {
        reads {
            GetMessageRequest => Message, get_message, GET_MESSAGE;
            GetPlanRequest => Plan, get_plan, GET_PLAN;
            GetSurveyRequest => Survey, get_survey, GET_SURVEY;
            GetOutcomeRequest => Outcome, get_outcome, GET_OUTCOME;
        }
        writes {
            StopPlanRequest => Plan, stop_plan, STOP_PLAN;
            SubmitSurveyRequest => Survey, submit_survey, SUBMIT_SURVEY;
        }
        lists {
            ListMessagesRequest => ListMessagesResponse { messages }, list_messages, LIST_MESSAGES;
            ListPlansRequest => ListPlansResponse { plans }, list_plans, LIST_PLANS;
            ListSurveysRequest => ListSurveysResponse { surveys }, list_surveys, LIST_SURVEYS;
        }
    }
    operations::operations_service_client::OperationsServiceClient, operations_service {
        reads {
            GetCallRequest => Call, get_call, GET_CALL;
            GetRelayHealthRequest => RelayHealth, get_relay_health, GET_RELAY_HEALTH;
        }
        writes {
            RetryCallRequest => Call, retry_call, RETRY_CALL;
            DiscardCallRequest => Call, discard_call, DISCARD_CALL;
        }
        lists {
            ListCallsRequest => ListCallsResponse { calls }, list_calls, LIST_CALLS;
            ListAuditRecordsRequest => ListAuditRecordsResponse { audit_records },
                list_audit_records, LIST_AUDIT_RECORDS;
        }
    }
}
