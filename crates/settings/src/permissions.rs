//! One setting for each permission of the tree: what everybody has unless a group gives more.
//!
//! The list of permissions is the kernel's; their settings follow from it.

use kernel::{Permission, PermissionSet};

use crate::{
    Entry, Grammar, Source, Value,
    read::{Reader, default},
    report::Shown,
    setting::Setting,
};

const COUNT: usize = Permission::ALL.len();

/// The settings of the permissions, in the order of the tree.
pub(crate) static ENTRIES: [Entry; COUNT] = entries();

const fn entries() -> [Entry; COUNT] {
    let mut entries = [const { Entry::new("") }; COUNT];
    let mut index = 0;
    while index < COUNT {
        let permission = Permission::ALL[index];
        entries[index] = Entry {
            group: "Permissions",
            doc: permission.meaning(),
            grammar: Grammar::Boolean,
            check: |text, entry| bool::read(text, entry).map(drop),
            ..Entry::new(permission.variable())
                .default(if permission.default() { "true" } else { "false" })
                .stored()
        };
        index += 1;
    }
    entries
}

/// What everybody may do, one answer for each permission.
#[derive(Debug, Clone)]
pub struct DefaultPermissions(Vec<Value<bool>>);

impl DefaultPermissions {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        // All of them before giving up on any, so that all problems are found in one go.
        let values: Vec<Option<Value<bool>>> = ENTRIES.iter().map(|entry| reader.value(entry)).collect();
        values.into_iter().collect::<Option<_>>().map(Self)
    }

    pub(crate) fn visit(&self, visit: &mut dyn FnMut(&'static Entry, Source, Shown<'_>, Shown<'_>)) {
        for (entry, value) in ENTRIES.iter().zip(&self.0) {
            visit(entry, value.source, value.value.show(), default::<bool>(entry).show());
        }
    }

    /// The permissions that everybody has.
    pub fn granted(&self) -> PermissionSet {
        self.iter().filter(|(_, value)| value.value).map(|(permission, _)| permission).collect()
    }

    /// Each permission with its answer and where that came from.
    pub fn iter(&self) -> impl Iterator<Item = (Permission, &Value<bool>)> {
        Permission::ALL.iter().copied().zip(&self.0)
    }
}
