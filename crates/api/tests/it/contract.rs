//! The descriptors of our own packages with what the rules ask of them: comments, `buf.validate` limits, what a request
//! reaches. Knows no rule.

use std::collections::{BTreeMap, HashMap};

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor, Value,
};

/// The package prefix of what is ours.
const OURS: &str = "amends.";

/// All descriptors, and the comments of ours.
pub struct Contract {
    pool: DescriptorPool,
    comments: HashMap<(String, Vec<i32>), String>,
}

impl Contract {
    /// From an encoded `FileDescriptorSet` with source info.
    pub fn decode(descriptors: &[u8]) -> Self {
        let pool = DescriptorPool::decode(descriptors).expect("the descriptor set is whole");
        let comments = pool
            .files()
            .filter(|file| file.package_name().starts_with(OURS))
            .flat_map(|file| {
                let info = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
                info.location.into_iter().map(move |location| {
                    ((file.name().to_owned(), location.path.clone()), location.leading_comments().trim().to_owned())
                })
            })
            .filter(|(_, comment)| !comment.is_empty())
            .collect();
        Self { pool, comments }
    }

    /// Our files.
    pub fn files(&self) -> impl Iterator<Item = FileDescriptor> + '_ {
        self.pool.files().filter(|file| file.package_name().starts_with(OURS))
    }

    /// Our services.
    pub fn services(&self) -> impl Iterator<Item = ServiceDescriptor> + '_ {
        self.pool.services().filter(|service| service.package_name().starts_with(OURS))
    }

    /// Our methods.
    pub fn methods(&self) -> impl Iterator<Item = MethodDescriptor> + '_ {
        self.services().flat_map(|service| service.methods().collect::<Vec<_>>())
    }

    /// Our messages, nested ones too, without the entries that the compiler makes of maps.
    pub fn messages(&self) -> impl Iterator<Item = MessageDescriptor> + '_ {
        self.pool.all_messages().filter(|message| is_ours(message) && !message.is_map_entry())
    }

    /// Our enums, nested ones too.
    pub fn enums(&self) -> impl Iterator<Item = EnumDescriptor> + '_ {
        self.pool.all_enums().filter(|e| e.package_name().starts_with(OURS))
    }

    /// The fields of our messages.
    pub fn fields(&self) -> impl Iterator<Item = FieldDescriptor> + '_ {
        self.messages().flat_map(|message| message.fields().collect::<Vec<_>>())
    }

    /// The comment that stands on the element with this path in the file; empty when there is none.
    pub fn comment(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.comments.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }

    /// The comment of a field as one line.
    pub fn field_comment(&self, field: &FieldDescriptor) -> String {
        one_line(self.comment(&field.parent_file(), field.path()))
    }

    /// True when the field says that callers do not set it.
    pub fn is_output_only(&self, field: &FieldDescriptor) -> bool {
        self.field_comment(field).contains("Output only")
    }

    /// The `buf.validate` limit at this path of `FieldRules`, e.g. `string.max_len`.
    pub fn limit(&self, field: &FieldDescriptor, path: &str) -> Option<Value> {
        let extension = self.pool.get_extension_by_name("buf.validate.field")?;
        let options = field.options();
        if !options.has_extension(&extension) {
            return None;
        }
        let mut value = options.get_extension(&extension).into_owned();
        for part in path.split('.') {
            let message = value.as_message()?;
            if !message.has_field_by_name(part) {
                return None;
            }
            value = message.get_field_by_name(part)?.into_owned();
        }
        Some(value)
    }

    /// The limit as a whole number.
    pub fn number(&self, field: &FieldDescriptor, path: &str) -> Option<i64> {
        match self.limit(field, path)? {
            Value::I32(number) => Some(number.into()),
            Value::I64(number) => Some(number),
            Value::U64(number) => i64::try_from(number).ok(),
            _ => None,
        }
    }

    /// Every field of ours that a caller can set, by name: what the requests reach, but for what is output only.
    pub fn input_fields(&self) -> BTreeMap<String, FieldDescriptor> {
        let mut found = BTreeMap::new();
        let mut waiting: Vec<_> = self.methods().map(|method| method.input()).collect();
        while let Some(message) = waiting.pop() {
            for field in message.fields().filter(|field| !self.is_output_only(field)) {
                let value = match field.kind() {
                    Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field().kind(),
                    kind => kind,
                };
                let new = found.insert(field.full_name().to_owned(), field).is_none();
                if let Kind::Message(inner) = value
                    && new
                    && is_ours(&inner)
                {
                    waiting.push(inner);
                }
            }
        }
        found
    }
}

/// True for a message of one of our packages.
pub fn is_ours(message: &MessageDescriptor) -> bool {
    message.package_name().starts_with(OURS)
}

/// A comment without its line breaks.
pub fn one_line(comment: &str) -> String {
    comment.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `LedgerTransactions` as `ledger_transactions`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, c) in name.char_indices() {
        if c.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Every text between backticks.
pub fn quoted(comment: &str) -> impl Iterator<Item = &str> {
    comment.split('`').skip(1).step_by(2)
}

/// True for `UPPER_SNAKE`, two letters or more: the shape of an error reason.
pub fn is_upper_snake(word: &str) -> bool {
    word.len() > 1
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
