//! The recovery workflow as a whole: every state under every milestone, and random stories.

mod samples;
mod stories;
mod story_limit;
mod table;
mod verbs;
