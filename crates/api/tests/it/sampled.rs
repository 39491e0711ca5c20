//! Shows that every rule can fail: one proto that keeps them all, and for each rule at least one change that breaks it.
//!
//! A change must be reported exactly, and nothing else with it, so that a rule neither sleeps nor cries wolf.

use std::collections::BTreeSet;

use crate::compile::compile;
use crate::contract::Contract;
use crate::rules::{self, Exception};

const NAME: &str = "amends/sample/v1/sample.proto";
const GOOD: &str = include_str!("samples/good.proto");

/// What breaks the rules in the good sample after these replacements.
fn broken(changes: &[(&str, &str)]) -> Vec<String> {
    let mut source = GOOD.to_owned();
    for (from, to) in changes {
        assert!(source.contains(from), "the sample does not have `{from}`");
        source = source.replacen(from, to, 1);
    }
    rules::broken(&Contract::decode(&compile(&[(NAME, &source)])), &[])
}

/// Changes, and what must be reported of them.
type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

#[rustfmt::skip]
const CASES: &[Case] = &[
    (&[("package amends.sample.v1;", "package amends.sample.next;")], &[
        "package: amends/sample/v1/sample.proto: package amends.sample.next must end in a version like v1",
        "package: amends/sample/v1/sample.proto: must lie in the directory of its package amends.sample.next",
    ]),
    (&[("// A package that keeps every rule.\n", "")], &[
        "package: amends.sample.v1: one of its files must say on `package` what it is; 0 do",
    ]),
    (&[("COLOUR_UNSPECIFIED", "COLOUR_NONE")], &[
        "enum-values: amends.sample.v1.Thing.Colour: value 0 must be COLOUR_UNSPECIFIED",
    ]),
    (&[("COLOUR_RED", "RED")], &["enum-values: amends.sample.v1.Thing.Colour.RED: must start with COLOUR_"]),
    (&[("int64 count = 1", "int64 thingCount = 1")], &[
        "field-names: amends.sample.v1.GetThingCountResponse.thingCount: must be lower_snake_case",
    ]),
    (&[("create_time = 9", "created_at = 9")], &[
        "field-names: amends.sample.v1.Thing.created_at: a point in time must end in _time",
    ]),
    (&[("bool heavy", "bool is_heavy")], &["field-names: amends.sample.v1.Thing.is_heavy: must be called heavy"]),
    (&[("string page_token = 2;", "string page_token = 2;\n// `things/{uuid}`.\nstring like_name = 3;")], &[
        "field-names: amends.sample.v1.ListThingsRequest.like_name: a reference is called by its resource, without _name",
    ]),
    (&[("string page_token = 2;", "string page_token = 2;\n// `things/{uuid}`.\nstring like_id = 3;")], &[
        "field-names: amends.sample.v1.ListThingsRequest.like_id: a reference is called like; an id goes with the new like \
         beside it",
    ]),
    (&[("int64 grams", "double grams")], &[
        "field-types: amends.sample.v1.Thing.grams: must not be a floating-point number: use Money or a whole number",
    ]),
    (&[("int64 grams", "uint64 grams")], &["field-types: amends.sample.v1.Thing.grams: must be int32 or int64"]),
    (&[("int32 looks", "int32 age_days")], &[
        "field-types: amends.sample.v1.Thing.age_days: a span of time must be a google.protobuf.Duration",
    ]),
    (&[("import \"buf", "import \"google/protobuf/any.proto\";\nimport \"buf"),
       ("int64 count = 1", "google.protobuf.Any count = 1")], &[
        "field-types: amends.sample.v1.GetThingCountResponse.count: must have a type that says what it holds",
    ]),
    (&[("enum State", "enum Status"), ("STATE_UN", "STATUS_UN"), ("STATE_K", "STATUS_K"), ("State state", "Status state")],
     &["state: amends.sample.v1.Thing.Status: must be called State"]),
    (&[("State state = 2", "State life = 2")], &["state: amends.sample.v1.Thing.life: must be called state"]),
    (&[("  // Where it stands. Output only.\n  State state = 2;\n", "")], &[
        "state: amends.sample.v1.Thing.State: its message must have it in a field `state`",
    ]),
    (&[("stands. Output only.", "stands."), ("State state = 2", "State state = 2 [(buf.validate.field).enum.defined_only = true]")],
     &["state: amends.sample.v1.Thing.state: must say `Output only`"]),
    (&[("// Counts things.\n", "")], &["comments: amends.sample.v1.SampleService.GetThingCount: has no comment"]),
    (&[("// Kept.\n", "")], &["comments: amends.sample.v1.Thing: has no comment"]),
    (&[("// What it weighs.\n", "")], &["comments: amends.sample.v1.Thing.weight: has no comment"]),
    (&[("  // What it looks like.\n  enum", "  enum")], &["comments: amends.sample.v1.Thing.Colour: has no comment"]),
    (&[("// Red.", "//")], &["comments: amends.sample.v1.Thing.Colour.COLOUR_RED: has no comment"]),
    (&[("// In grams.", "//")], &["comments: amends.sample.v1.Thing.grams: has no comment"]),
    (&[("// In grams.", "// grams")], &[
        "comments: amends.sample.v1.Thing.grams: its comment must be sentences, each with its full stop",
    ]),
    (&[("// Keeps things. Errors of every method: INVALID_ARGUMENT `INVALID_FIELDS`.\n", "")], &[
        "comments: amends.sample.v1.SampleService: has no comment",
        "error-reasons: amends.sample.v1.SampleService.CreateThing: must name an error reason, or its service must",
        "error-reasons: amends.sample.v1.SampleService.GetThing: must name an error reason, or its service must",
        "error-reasons: amends.sample.v1.SampleService.ListThings: must name an error reason, or its service must",
        "error-reasons: amends.sample.v1.SampleService.UpdateThing: must name an error reason, or its service must",
        "error-reasons: amends.sample.v1.SampleService.DeleteThing: must name an error reason, or its service must",
        "error-reasons: amends.sample.v1.SampleService.GetThingCount: must name an error reason, or its service must",
    ]),
    (&[("max_len = 1200", "max_len = 120")], &[
        "stated-limits: amends.sample.v1.Thing.display_name: its comment must state string.max_len, which is 120",
    ]),
    (&[("keys of at most 7 and", "keys and")], &[
        "stated-limits: amends.sample.v1.Thing.notes: its comment must state map.keys.string.max_len, which is 7",
    ]),
    (&[("GetThingCountRequest)", "GetThingRequest)")], &[
        "messages: amends.sample.v1.SampleService.GetThingCount: must take amends.sample.v1.GetThingCountRequest",
    ]),
    (&[("returns (GetThingCountResponse)", "returns (ListThingsResponse)")], &[
        "messages: amends.sample.v1.SampleService.GetThingCount: must answer with a resource or \
         amends.sample.v1.GetThingCountResponse",
        "get: amends.sample.v1.SampleService.GetThingCount: must answer with ThingCount or GetThingCountResponse",
        "pages: amends.sample.v1.SampleService.GetThingCount: has pages, and so must have `int32 page_size`",
        "pages: amends.sample.v1.SampleService.GetThingCount: has pages, and so must have `string page_token`",
    ]),
    (&[("  string name = 1;\n}", "  string thing = 1;\n}")], &[
        "get: amends.sample.v1.SampleService.GetThing: field 1 of its request must be `string name`",
    ]),
    (&[("// Resource name, `", "// Its name, `")], &[
        "get: amends.sample.v1.SampleService.GetThing: field 1 of Thing must be `name`, with a comment that starts with: \
         Resource name, `",
    ]),
    (&[("repeated Thing things", "repeated Thing all")], &[
        "list: amends.sample.v1.SampleService.ListThings: field 1 of its response must be `repeated … things`",
    ]),
    (&[("int32 page_size = 1 [(buf.validate.field).int32.gte = 0];", "int32 size = 1;")], &[
        "list: amends.sample.v1.SampleService.ListThings: its request must have page_size",
        "pages: amends.sample.v1.SampleService.ListThings: has pages, and so must have `int32 page_size`",
    ]),
    (&[("string next_page_token", "string next")], &[
        "pages: amends.sample.v1.SampleService.ListThings: has pages, and so must have `string next_page_token`",
    ]),
    (&[("Thing thing = 3", "Thing new_thing = 3"), ("thing_id", "external_id")], &[
        "create: amends.sample.v1.SampleService.CreateThing: its request must have `Thing thing`",
    ]),
    (&[("CreateThingRequest) returns (Thing)", "CreateThingRequest) returns (GetThingCountRequest)")], &[
        "messages: amends.sample.v1.SampleService.CreateThing: must answer with a resource or \
         amends.sample.v1.CreateThingResponse",
        "create: amends.sample.v1.SampleService.CreateThing: must answer with Thing",
    ]),
    (&[("google.protobuf.FieldMask update_mask = 3;", "// `things/{uuid}`.\nstring update_mask = 3;")], &[
        "update: amends.sample.v1.SampleService.UpdateThing: must take `google.protobuf.FieldMask update_mask`",
    ]),
    (&[("  string name = 2;", "  string thing = 2;")], &[
        "delete: amends.sample.v1.SampleService.DeleteThing: its request must have `string name`",
    ]),
    (&[("string request_id = 1", "string external_id = 1")], &[
        "request-id: amends.sample.v1.SampleService.CreateThing: field 1 of a mutation must be `request_id`",
    ]),
    (&[("string page_token = 2;", "string page_token = 2;\n// `things/{uuid}`.\nstring request_id = 3;")], &[
        "request-id: amends.sample.v1.SampleService.ListThings: a read must not have a request_id",
    ]),
    (&[("    min_len: 1\n", "")], &[
        "request-key: amends.sample.v1.SampleService.CreateThing: field 1 of its request must be a string with min_len 1 \
         and max_len 128",
    ]),
    (&[(" [(buf.validate.field).string.max_len = 63]", "")], &[
        "bounded-text: amends.sample.v1.CreateThingRequest.thing_id: must have string.max_len or string.pattern",
    ]),
    (&[(" [(buf.validate.field).bytes.max_len = 4096]", "")], &[
        "bounded-text: amends.sample.v1.Thing.picture: must have bytes.max_len or bytes.pattern",
    ]),
    (&[("    items: {\n      string: {max_len: 16}\n    }\n", "")], &[
        "bounded-text: amends.sample.v1.Thing.words: must have repeated.items.string.max_len or repeated.items.string.pattern",
    ]),
    (&[("    keys: {\n      string: {max_len: 7}\n    }\n", ""), ("    values: {\n      string: {max_len: 11}\n    }\n", "")], &[
        "bounded-text: amends.sample.v1.Thing.notes: must have map.keys.string.max_len or map.keys.string.pattern",
        "bounded-text: amends.sample.v1.Thing.notes: must have map.values.string.max_len or map.values.string.pattern",
    ]),
    (&[("    max_items: 8\n", "")], &["bounded-collections: amends.sample.v1.Thing.words: must have repeated.max_items"]),
    (&[("    max_pairs: 9\n", "")], &["bounded-collections: amends.sample.v1.Thing.notes: must have map.max_pairs"]),
    (&[(" [(buf.validate.field).enum.defined_only = true]", "")], &[
        "known-enums: amends.sample.v1.Thing.colour: must have enum.defined_only",
    ]),
    (&[(" [(buf.validate.field).int32.gte = 0]", "")], &[
        "page-size: amends.sample.v1.ListThingsRequest.page_size: must have int32.gte = 0 and no upper limit",
    ]),
];

#[test]
fn the_good_sample_keeps_every_rule() {
    assert_eq!(broken(&[]), Vec::<String>::new());
}

#[test]
fn each_change_breaks_what_it_must_and_no_more() {
    for (changes, expected) in CASES {
        assert_eq!(&broken(changes), expected, "after {changes:?}");
    }
}

#[test]
fn a_service_that_imports_another_is_reported() {
    let other = "syntax = \"proto3\";\n// Other.\npackage amends.other.v1;\n// A value.\nmessage Value {}\n";
    let source = GOOD.replacen("import \"buf", "import \"amends/other/v1/other.proto\";\nimport \"buf", 1);
    let source = source.replacen("int64 count = 1", "amends.other.v1.Value count = 1", 1);
    let descriptors = compile(&[("amends/other/v1/other.proto", other), (NAME, &source)]);
    assert_eq!(
        rules::broken(&Contract::decode(&descriptors), &[]),
        ["imports: amends/sample/v1/sample.proto: imports amends/other/v1/other.proto; only common may be shared"]
    );
}

#[test]
fn an_exception_lets_one_element_pass_and_must_be_needed() {
    let source = GOOD.replacen("// Counts things.\n", "", 1);
    let contract = Contract::decode(&compile(&[(NAME, &source)]));
    let needed: Exception = ("comments", "amends.sample.v1.SampleService.GetThingCount", "shown here");
    let unneeded: Exception = ("comments", "amends.sample.v1.SampleService.GetThing", "shown here");
    assert_eq!(rules::broken(&contract, &[needed]), Vec::<String>::new());
    assert_eq!(
        rules::broken(&contract, &[needed, unneeded]),
        ["comments: amends.sample.v1.SampleService.GetThing: needs no exception; remove it"]
    );
}

#[test]
fn every_rule_is_shown_to_fail() {
    let rule = |problem: &&str| problem.split(':').next().unwrap_or_default().to_owned();
    let shown: BTreeSet<_> = CASES.iter().flat_map(|(_, expected)| expected.iter().map(rule)).collect();
    let missing: Vec<_> = rules::RULES.iter().map(|(name, _)| *name).filter(|name| !shown.contains(*name)).collect();
    assert_eq!(missing, ["imports"], "imports has a test of its own, as it needs two files");
}
