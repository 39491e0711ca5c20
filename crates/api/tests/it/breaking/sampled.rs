//! Shows that every breaking change is found and that additions pass, on small pairs of protos.

use prost_reflect::DescriptorPool;

use super::changes;
use crate::compile::compile;

const OLD: &str = r#"syntax = "proto3";
package amends.sample.v1;
service Things {
  rpc Keep(Thing) returns (Thing);
  rpc Watch(Thing) returns (stream Thing);
}
service Others {
  rpc Look(Other) returns (Other);
}
message Thing {
  reserved 100 to 120;
  reserved "lost";
  string name = 1;
  int32 count = 2;
  repeated string words = 3;
  map<string, string> notes = 4;
  oneof weight {
    int64 grams = 5;
    bool heavy = 6;
  }
  bool kept = 7;
  Colour colour = 8;
  Other other = 9;
  optional int32 score = 10;
}
message Other {
  string text = 1;
}
message Spare {}
enum Colour {
  reserved 50 to 60;
  reserved "PINK";
  COLOUR_UNSPECIFIED = 0;
  COLOUR_RED = 1;
  COLOUR_BLUE = 2;
}
enum Shape {
  SHAPE_UNSPECIFIED = 0;
}
"#;

fn pool(source: &str) -> DescriptorPool {
    DescriptorPool::decode(&*compile(&[("amends/sample/v1/sample.proto", source)])).expect("compiles")
}

/// The old sample after these replacements.
fn changed(replacements: &[(&str, &str)]) -> Vec<String> {
    let mut source = OLD.to_owned();
    for (from, to) in replacements {
        assert!(source.contains(from), "the sample does not have `{from}`");
        source = source.replacen(from, to, 1);
    }
    changes(&pool(OLD), &pool(&source))
}

/// Replacements, and what must be reported of them.
type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

#[rustfmt::skip]
const BREAKING: &[Case] = &[
    (&[("service Others {\n  rpc Look(Other) returns (Other);\n}\n", "")], &["service amends.sample.v1.Others is gone"]),
    (&[("  rpc Keep(Thing) returns (Thing);\n", "")], &["rpc amends.sample.v1.Things.Keep is gone"]),
    (&[("Keep(Thing)", "Keep(Other)")], &[
        "rpc amends.sample.v1.Things.Keep: its request was amends.sample.v1.Thing, is amends.sample.v1.Other",
    ]),
    (&[("Keep(Thing) returns (Thing)", "Keep(Thing) returns (Other)")], &[
        "rpc amends.sample.v1.Things.Keep: its response was amends.sample.v1.Thing, is amends.sample.v1.Other",
    ]),
    (&[("Keep(Thing)", "Keep(stream Thing)")], &[
        "rpc amends.sample.v1.Things.Keep: its streaming was none, is of requests",
    ]),
    (&[("returns (stream Thing)", "returns (Thing)")], &[
        "rpc amends.sample.v1.Things.Watch: its streaming was of responses, is none",
    ]),
    (&[("message Spare {}\n", "")], &["message amends.sample.v1.Spare is gone"]),
    (&[("  int32 count = 2;\n", "")], &["field amends.sample.v1.Thing.count = 2 is gone"]),
    (&[("  int32 count = 2;\n", "  reserved 2;\n")], &["field amends.sample.v1.Thing.count = 2 is gone"]),
    (&[("int32 count = 2", "int32 count = 22")], &["field amends.sample.v1.Thing.count: its number was 2, is 22"]),
    (&[("int32 count", "int64 count")], &["field amends.sample.v1.Thing.count: its type was int32, is int64"]),
    (&[("Other other", "Spare other")], &[
        "field amends.sample.v1.Thing.other: its type was amends.sample.v1.Other, is amends.sample.v1.Spare",
    ]),
    (&[("Colour colour", "Shape colour")], &[
        "field amends.sample.v1.Thing.colour: its type was amends.sample.v1.Colour, is amends.sample.v1.Shape",
    ]),
    (&[("map<string, string>", "map<string, bytes>")], &[
        "field amends.sample.v1.Thing.notes: its type was map<string, string>, is map<string, bytes>",
    ]),
    (&[("repeated string words", "string words")], &[
        "field amends.sample.v1.Thing.words: its label was repeated, is none",
    ]),
    (&[("optional int32 score", "int32 score")], &["field amends.sample.v1.Thing.score: its label was optional, is none"]),
    (&[("int32 count = 2", "int32 total = 2")], &[
        "field amends.sample.v1.Thing.count: its name was count, is total",
        "field amends.sample.v1.Thing.count: its JSON name was count, is total",
    ]),
    (&[("int32 count = 2", "int32 count = 2 [json_name = \"n\"]")], &[
        "field amends.sample.v1.Thing.count: its JSON name was count, is n",
    ]),
    (&[("    bool heavy = 6;\n  }\n", "  }\n  bool heavy = 6;\n")], &[
        "field amends.sample.v1.Thing.heavy: its oneof was weight, is none",
    ]),
    (&[("    bool heavy = 6;\n  }\n  bool kept = 7;\n", "    bool heavy = 6;\n  bool kept = 7;\n  }\n")], &[
        "field amends.sample.v1.Thing.kept: its oneof was none, is weight",
    ]),
    (&[("100 to 120", "100 to 119")], &["message amends.sample.v1.Thing: numbers 100 to 120 are no longer reserved"]),
    (&[("  reserved \"lost\";\n", "")], &["message amends.sample.v1.Thing: name lost is no longer reserved"]),
    (&[("enum Shape {\n  SHAPE_UNSPECIFIED = 0;\n}\n", "")], &["enum amends.sample.v1.Shape is gone"]),
    (&[("  COLOUR_BLUE = 2;\n", "")], &["value amends.sample.v1.Colour.COLOUR_BLUE = 2 is gone"]),
    (&[("COLOUR_BLUE = 2", "COLOUR_BLUE = 3")], &[
        "value amends.sample.v1.Colour.COLOUR_BLUE: its number was 2, is 3",
    ]),
    (&[("COLOUR_BLUE", "COLOUR_NAVY")], &["value amends.sample.v1.Colour.COLOUR_BLUE: its name is COLOUR_NAVY now"]),
    (&[("50 to 60", "51 to 60")], &["enum amends.sample.v1.Colour: numbers 50 to 60 are no longer reserved"]),
    (&[("  reserved \"PINK\";\n", "")], &["enum amends.sample.v1.Colour: name PINK is no longer reserved"]),
];

const ADDITIVE: &[(&str, &str)] = &[
    ("  rpc Keep", "  rpc Lose(Other) returns (Thing);\n  rpc Keep"),
    ("service Others", "service More {\n  rpc Say(Fresh) returns (Fresh);\n}\nservice Others"),
    ("message Spare {}", "message Fresh {\n  string name = 1;\n}\nmessage Spare {\n  string name = 1;\n}"),
    ("    bool heavy = 6;", "    bool heavy = 6;\n    int64 tons = 16;"),
    ("  bool kept = 7;", "  // Now with a comment.\n  bool kept = 7;\n  bool shown = 17;"),
    ("  COLOUR_BLUE = 2;", "  COLOUR_BLUE = 2;\n  COLOUR_GREEN = 3;"),
    ("reserved 100 to 120;", "reserved 99 to 130;"),
    ("enum Shape", "enum Taste {\n  TASTE_UNSPECIFIED = 0;\n}\nenum Shape"),
];

#[test]
fn each_breaking_change_is_reported_and_no_more() {
    for (replacements, expected) in BREAKING {
        assert_eq!(&changed(replacements), expected, "after {replacements:?}");
    }
}

#[test]
fn all_breaking_changes_are_reported_at_once() {
    let several =
        [("  rpc Keep(Thing) returns (Thing);\n", ""), ("int32 count", "int64 count"), ("  COLOUR_BLUE = 2;\n", "")];
    assert_eq!(
        changed(&several),
        [
            "rpc amends.sample.v1.Things.Keep is gone",
            "field amends.sample.v1.Thing.count: its type was int32, is int64",
            "value amends.sample.v1.Colour.COLOUR_BLUE = 2 is gone",
        ]
    );
}

#[test]
fn additions_pass() {
    assert_eq!(changed(&[]), Vec::<String>::new());
    assert_eq!(changed(ADDITIVE), Vec::<String>::new());
}
