//! What people may do beyond their role: Open WebUI's permission tree, as a closed list.
//!
//! A person has what the defaults give everybody or any of their groups adds: the most permissive wins.
//! Administrators have every permission; what is a rule rather than a right does not hold for them.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Kind, Refusal};

/// Turns the list into the enum and its table.
macro_rules! permissions {
    ($( $branch:literal { $( $(#[doc = $doc:literal])+ $name:ident, $leaf:literal = $default:literal, $variable:literal; )+ } )+) => {
        /// One permission.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($( $(#[doc = $doc])+ $name, )+)+
        }

        impl Permission {
            /// All of them, in the order of the tree.
            pub const ALL: &'static [Self] = &[$($( Self::$name, )+)+];

            const fn facts(self) -> &'static Facts {
                match self {
                    $($( Self::$name => &Facts {
                        branch: $branch,
                        leaf: $leaf,
                        path: concat!($branch, ".", $leaf),
                        default: $default,
                        variable: $variable,
                        meaning: concat!($($doc),+),
                    }, )+)+
                }
            }
        }
    };
}

/// What is known about a permission.
struct Facts {
    branch: &'static str,
    leaf: &'static str,
    path: &'static str,
    default: bool,
    variable: &'static str,
    meaning: &'static str,
}

permissions! {
    "workspace" {
        /// Decide who may use a model, where a grant lets them write.
        WorkspaceModels, "models" = false, "USER_PERMISSIONS_WORKSPACE_MODELS_ACCESS";
        /// Make collections of knowledge.
        WorkspaceKnowledge, "knowledge" = false, "USER_PERMISSIONS_WORKSPACE_KNOWLEDGE_ACCESS";
        /// Make prompts.
        WorkspacePrompts, "prompts" = false, "USER_PERMISSIONS_WORKSPACE_PROMPTS_ACCESS";
        /// Make tools. Tools run code, so this is as good as an account on the machine.
        WorkspaceTools, "tools" = false, "USER_PERMISSIONS_WORKSPACE_TOOLS_ACCESS";
        /// Make skills.
        WorkspaceSkills, "skills" = false, "USER_PERMISSIONS_WORKSPACE_SKILLS_ACCESS";
        /// Import models.
        WorkspaceModelsImport, "models_import" = false, "USER_PERMISSIONS_WORKSPACE_MODELS_IMPORT";
        /// Export models.
        WorkspaceModelsExport, "models_export" = false, "USER_PERMISSIONS_WORKSPACE_MODELS_EXPORT";
        /// See hidden models.
        WorkspaceModelsHidden, "models_hidden" = false, "USER_PERMISSIONS_WORKSPACE_MODELS_HIDDEN";
        /// Import prompts.
        WorkspacePromptsImport, "prompts_import" = false, "USER_PERMISSIONS_WORKSPACE_PROMPTS_IMPORT";
        /// Export prompts.
        WorkspacePromptsExport, "prompts_export" = false, "USER_PERMISSIONS_WORKSPACE_PROMPTS_EXPORT";
        /// Import tools.
        WorkspaceToolsImport, "tools_import" = false, "USER_PERMISSIONS_WORKSPACE_TOOLS_IMPORT";
        /// Export tools.
        WorkspaceToolsExport, "tools_export" = false, "USER_PERMISSIONS_WORKSPACE_TOOLS_EXPORT";
        /// Import skills.
        WorkspaceSkillsImport, "skills_import" = false, "USER_PERMISSIONS_WORKSPACE_SKILLS_IMPORT";
        /// Export skills.
        WorkspaceSkillsExport, "skills_export" = false, "USER_PERMISSIONS_WORKSPACE_SKILLS_EXPORT";
    }
    "sharing" {
        /// Share models with people and groups.
        SharingModels, "models" = false, "USER_PERMISSIONS_WORKSPACE_MODELS_ALLOW_SHARING";
        /// Share models with everybody.
        SharingPublicModels, "public_models" = false, "USER_PERMISSIONS_WORKSPACE_MODELS_ALLOW_PUBLIC_SHARING";
        /// Share knowledge with people and groups.
        SharingKnowledge, "knowledge" = false, "USER_PERMISSIONS_WORKSPACE_KNOWLEDGE_ALLOW_SHARING";
        /// Share knowledge with everybody.
        SharingPublicKnowledge, "public_knowledge" = false, "USER_PERMISSIONS_WORKSPACE_KNOWLEDGE_ALLOW_PUBLIC_SHARING";
        /// Share prompts with people and groups.
        SharingPrompts, "prompts" = false, "USER_PERMISSIONS_WORKSPACE_PROMPTS_ALLOW_SHARING";
        /// Share prompts with everybody.
        SharingPublicPrompts, "public_prompts" = false, "USER_PERMISSIONS_WORKSPACE_PROMPTS_ALLOW_PUBLIC_SHARING";
        /// Share tools with people and groups.
        SharingTools, "tools" = false, "USER_PERMISSIONS_WORKSPACE_TOOLS_ALLOW_SHARING";
        /// Share tools with everybody.
        SharingPublicTools, "public_tools" = false, "USER_PERMISSIONS_WORKSPACE_TOOLS_ALLOW_PUBLIC_SHARING";
        /// Share skills with people and groups.
        SharingSkills, "skills" = false, "USER_PERMISSIONS_WORKSPACE_SKILLS_ALLOW_SHARING";
        /// Share skills with everybody.
        SharingPublicSkills, "public_skills" = false, "USER_PERMISSIONS_WORKSPACE_SKILLS_ALLOW_PUBLIC_SHARING";
        /// Share notes with people and groups.
        SharingNotes, "notes" = false, "USER_PERMISSIONS_NOTES_ALLOW_SHARING";
        /// Share notes with everybody.
        SharingPublicNotes, "public_notes" = false, "USER_PERMISSIONS_NOTES_ALLOW_PUBLIC_SHARING";
        /// Share folders.
        SharingFolders, "folders" = false, "USER_PERMISSIONS_FOLDERS_ALLOW_SHARING";
        /// Share chats with everybody who is signed in, without a link.
        SharingPublicChats, "public_chats" = false, "USER_PERMISSIONS_CHAT_ALLOW_PUBLIC_SHARING";
        /// Share chats with people who are not signed in.
        SharingOpenChats, "open_chats" = false, "USER_PERMISSIONS_CHAT_ALLOW_OPEN_SHARING";
        /// Share calendars with everybody.
        SharingPublicCalendars, "public_calendars" = false, "USER_PERMISSIONS_CALENDAR_ALLOW_PUBLIC_SHARING";
    }
    "access_grants" {
        /// Name single people in a grant.
        AccessGrantsAllowUsers, "allow_users" = true, "USER_PERMISSIONS_ACCESS_GRANTS_ALLOW_USERS";
        /// Name groups in a grant.
        AccessGrantsAllowGroups, "allow_groups" = true, "USER_PERMISSIONS_ACCESS_GRANTS_ALLOW_GROUPS";
    }
    "chat" {
        /// Open the controls of a chat: system prompt, parameters, valves.
        ChatControls, "controls" = true, "USER_PERMISSIONS_CHAT_CONTROLS";
        /// Set the valves of tools.
        ChatValves, "valves" = true, "USER_PERMISSIONS_CHAT_VALVES";
        /// Give a chat a system prompt.
        ChatSystemPrompt, "system_prompt" = true, "USER_PERMISSIONS_CHAT_SYSTEM_PROMPT";
        /// Give a chat parameters such as the temperature.
        ChatParams, "params" = true, "USER_PERMISSIONS_CHAT_PARAMS";
        /// Attach files.
        ChatFileUpload, "file_upload" = true, "USER_PERMISSIONS_CHAT_FILE_UPLOAD";
        /// Attach web pages.
        ChatWebUpload, "web_upload" = true, "USER_PERMISSIONS_CHAT_WEB_UPLOAD";
        /// Delete chats.
        ChatDelete, "delete" = true, "USER_PERMISSIONS_CHAT_DELETE";
        /// Delete messages.
        ChatDeleteMessage, "delete_message" = true, "USER_PERMISSIONS_CHAT_DELETE_MESSAGE";
        /// Let a model go on with its answer.
        ChatContinueResponse, "continue_response" = true, "USER_PERMISSIONS_CHAT_CONTINUE_RESPONSE";
        /// Ask for another answer to the same question.
        ChatRegenerateResponse, "regenerate_response" = true, "USER_PERMISSIONS_CHAT_REGENERATE_RESPONSE";
        /// Rate answers.
        ChatRateResponse, "rate_response" = true, "USER_PERMISSIONS_CHAT_RATE_RESPONSE";
        /// Change messages after they were written.
        ChatEdit, "edit" = true, "USER_PERMISSIONS_CHAT_EDIT";
        /// Share chats by link.
        ChatShare, "share" = true, "USER_PERMISSIONS_CHAT_SHARE";
        /// Export chats.
        ChatExport, "export" = true, "USER_PERMISSIONS_CHAT_EXPORT";
        /// Import chats.
        ChatImport, "import" = true, "USER_PERMISSIONS_CHAT_IMPORT";
        /// Dictate.
        ChatStt, "stt" = true, "USER_PERMISSIONS_CHAT_STT";
        /// Have answers read out.
        ChatTts, "tts" = true, "USER_PERMISSIONS_CHAT_TTS";
        /// Talk to a model.
        ChatCall, "call" = true, "USER_PERMISSIONS_CHAT_CALL";
        /// Ask several models at once.
        ChatMultipleModels, "multiple_models" = true, "USER_PERMISSIONS_CHAT_MULTIPLE_MODELS";
        /// Begin chats that are not kept.
        ChatTemporary, "temporary" = true, "USER_PERMISSIONS_CHAT_TEMPORARY";
        /// Keep no chats at all. A rule rather than a right: it does not hold for administrators.
        ChatTemporaryEnforced, "temporary_enforced" = false, "USER_PERMISSIONS_CHAT_TEMPORARY_ENFORCED";
    }
    "features" {
        /// Make API keys of one's own.
        FeaturesApiKeys, "api_keys" = false, "USER_PERMISSIONS_FEATURES_API_KEYS";
        /// Use notes.
        FeaturesNotes, "notes" = true, "USER_PERMISSIONS_FEATURES_NOTES";
        /// Use folders.
        FeaturesFolders, "folders" = true, "USER_PERMISSIONS_FEATURES_FOLDERS";
        /// Use channels.
        FeaturesChannels, "channels" = true, "USER_PERMISSIONS_FEATURES_CHANNELS";
        /// Use encrypted channels.
        FeaturesEncryptedChannels, "encrypted_channels" = false, "USER_PERMISSIONS_FEATURES_ENCRYPTED_CHANNELS";
        /// Connect tool servers of one's own.
        FeaturesDirectToolServers, "direct_tool_servers" = false, "USER_PERMISSIONS_FEATURES_DIRECT_TOOL_SERVERS";
        /// Search the web.
        FeaturesWebSearch, "web_search" = true, "USER_PERMISSIONS_FEATURES_WEB_SEARCH";
        /// Make pictures.
        FeaturesImageGeneration, "image_generation" = true, "USER_PERMISSIONS_FEATURES_IMAGE_GENERATION";
        /// Run code.
        FeaturesCodeInterpreter, "code_interpreter" = true, "USER_PERMISSIONS_FEATURES_CODE_INTERPRETER";
        /// Have models remember things.
        FeaturesMemories, "memories" = true, "USER_PERMISSIONS_FEATURES_MEMORIES";
        /// Make automations.
        FeaturesAutomations, "automations" = false, "USER_PERMISSIONS_FEATURES_AUTOMATIONS";
        /// Use the calendar.
        FeaturesCalendar, "calendar" = true, "USER_PERMISSIONS_FEATURES_CALENDAR";
        /// Have notices sent to a webhook.
        FeaturesWebhooks, "webhooks" = false, "USER_PERMISSIONS_FEATURES_USER_WEBHOOKS";
    }
    "settings" {
        /// Change the settings of the interface.
        SettingsInterface, "interface" = true, "USER_PERMISSIONS_SETTINGS_INTERFACE";
    }
}

impl Permission {
    /// Where it stands in the tree, e.g. `chat.delete`.
    pub const fn path(self) -> &'static str {
        self.facts().path
    }

    /// Whether everybody has it when nobody decides otherwise.
    pub const fn default(self) -> bool {
        self.facts().default
    }

    /// The environment variable that decides about it for everybody.
    pub const fn variable(self) -> &'static str {
        self.facts().variable
    }

    /// The permission about which a variable decides.
    pub fn of_variable(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.variable() == name)
    }

    /// What it lets people do, a sentence.
    pub const fn meaning(self) -> &'static str {
        self.facts().meaning
    }

    /// Whether it takes something away instead of giving it.
    pub const fn is_rule(self) -> bool {
        matches!(self, Self::ChatTemporaryEnforced)
    }

    /// Reads [`Permission::path`].
    pub fn parse(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.path() == path)
    }

    const fn bit(self) -> u128 {
        1 << self as u32
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

impl Serialize for Permission {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.path())
    }
}

/// Some of the permissions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PermissionSet(u128);

impl PermissionSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// What an administrator has: every permission, and none of the rules.
    pub fn of_administrators() -> Self {
        Permission::ALL.iter().copied().filter(|it| !it.is_rule()).collect()
    }

    /// Whether the permission is among them.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// With another one.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | permission.bit())
    }

    /// What is in either: the most permissive wins.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in it, in the order of the tree.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |it| self.has(*it))
    }

    /// Nothing when the permission is there, else the refusal that names it.
    pub fn require(self, permission: Permission) -> Result<(), Refusal> {
        if self.has(permission) { Ok(()) } else { Err(permission.missing()) }
    }

    /// The whole tree, as Open WebUI's API shows it.
    pub fn tree(self) -> PermissionTree {
        let answers = Permission::ALL.iter().map(|it| (*it, self.has(*it)));
        PermissionTree(answers.collect())
    }
}

impl Permission {
    /// 403 for somebody who lacks it.
    pub fn missing(self) -> Refusal {
        let words = format!(
            "You lack the permission '{self}'. An administrator can give it to you or to one of your groups."
        );
        Refusal::new(Kind::Forbidden, "permission_missing", words)
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::path)).finish()
    }
}

/// Answers for some of the permissions: what a group decides, or what an administrator sends. On the wire a
/// tree `{"chat":{"delete":true}}`; what is not in the list is left out, as at Open WebUI.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionTree(BTreeMap<Permission, bool>);

impl PermissionTree {
    /// What is answered, in the order of the tree.
    pub fn iter(&self) -> impl Iterator<Item = (Permission, bool)> {
        self.0.iter().map(|(permission, answer)| (*permission, *answer))
    }

    /// Those that are answered with yes.
    pub fn granted(&self) -> PermissionSet {
        self.iter().filter(|(_, is_granted)| *is_granted).map(|(permission, _)| permission).collect()
    }
}

impl Serialize for PermissionTree {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut tree = Map::new();
        for (permission, answer) in self.iter() {
            let facts = permission.facts();
            let branch = tree.entry(facts.branch).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(branch) = branch {
                branch.insert(facts.leaf.to_owned(), Value::Bool(answer));
            }
        }
        tree.serialize(to)
    }
}

impl<'de> Deserialize<'de> for PermissionTree {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let tree = BTreeMap::<String, Value>::deserialize(from)?;
        let mut answers = BTreeMap::new();
        for permission in Permission::ALL {
            let facts = permission.facts();
            let branch = match tree.get(facts.branch) {
                None | Some(Value::Null) => continue,
                Some(Value::Object(branch)) => branch,
                Some(_) => {
                    let words = format!("what is below '{}' is an object", facts.branch);
                    return Err(serde::de::Error::custom(words));
                }
            };
            let Some(answer) = branch.get(facts.leaf) else { continue };
            let Value::Bool(answer) = answer else {
                return Err(serde::de::Error::custom(format!(
                    "the permission {permission} is true or false"
                )));
            };
            answers.insert(*permission, *answer);
        }
        Ok(Self(answers))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn the_tree_has_all_the_variables_of_open_webui_once() {
        let variables: BTreeSet<_> = Permission::ALL.iter().map(|it| it.variable()).collect();
        let paths: BTreeSet<_> = Permission::ALL.iter().map(|it| it.path()).collect();
        assert_eq!((Permission::ALL.len(), variables.len(), paths.len()), (67, 67, 67));
        assert!(variables.iter().all(|it| it.starts_with("USER_PERMISSIONS_")));
    }

    #[test]
    fn every_permission_is_found_by_its_path_and_fits_into_a_set() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.path()), Some(*permission));
            let alone = PermissionSet::NONE.with(*permission);
            assert_eq!(alone.iter().collect::<Vec<_>>(), [*permission]);
        }
    }

    #[test]
    fn administrators_have_every_right_and_no_rule() {
        let admin = PermissionSet::of_administrators();
        let lacks: Vec<_> = Permission::ALL.iter().filter(|it| !admin.has(**it)).collect();
        assert_eq!(lacks, [&Permission::ChatTemporaryEnforced]);
    }

    #[test]
    fn a_tree_answers_only_what_it_names_and_forgets_what_nobody_knows() {
        let tree = json!({ "chat": { "delete": false, "share": true, "fly": 1 }, "moon": { "land": true }, "sun": 1 });
        let tree: PermissionTree = serde_json::from_value(tree).unwrap();
        assert_eq!(tree.granted().iter().collect::<Vec<_>>(), [Permission::ChatShare]);
        assert_eq!(
            serde_json::to_value(&tree).unwrap(),
            json!({ "chat": { "delete": false, "share": true } })
        );
    }

    #[test]
    fn an_answer_that_is_neither_yes_nor_no_is_refused() {
        for answer in [json!("true"), json!(1), json!(null), json!({})] {
            let tree = json!({ "chat": { "delete": answer } });
            assert!(serde_json::from_value::<PermissionTree>(tree).is_err());
        }
        assert!(serde_json::from_value::<PermissionTree>(json!({ "chat": true })).is_err());
    }

    #[test]
    fn the_most_permissive_wins() {
        let defaults = PermissionSet::NONE.with(Permission::ChatDelete);
        let group = PermissionSet::NONE.with(Permission::ChatShare);
        let both = defaults.or(group);
        assert!(both.has(Permission::ChatDelete) && both.has(Permission::ChatShare));
        assert_eq!(both.require(Permission::ChatExport).unwrap_err().code, "permission_missing");
    }
}
