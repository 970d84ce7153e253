//! The shape of a chat: messages hang below their parents, and the path from a leaf to its root is the
//! branch that is shown. Pure; knows neither database nor time.

use std::collections::{HashMap, HashSet, VecDeque};

use kernel::{Message, MessageId};

/// The most messages of one chat.
pub(crate) const MOST_MESSAGES: usize = 20_000;
/// The longest branch.
pub(crate) const DEEPEST: usize = 10_000;

/// The most text of all messages of one chat, in bytes: a chat is read whole.
pub(crate) const MOST_TEXT: usize = 64 << 20;

/// Messages and how they hang together. Siblings keep the order in which they were given.
#[derive(Debug)]
pub struct Tree<'a> {
    by_id: HashMap<&'a MessageId, &'a Message>,
    children: HashMap<&'a MessageId, Vec<&'a MessageId>>,
    roots: Vec<&'a MessageId>,
}

/// Why messages are no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Two messages have one id.
    #[error("The id '{0}' is used by two messages of the chat.")]
    Twice(MessageId),
    /// A parent that is not there.
    #[error("The message '{message}' hangs below '{parent}', which is not in the chat.")]
    NoParent {
        /// The child.
        message: MessageId,
        /// What it names.
        parent: MessageId,
    },
    /// Messages that hang below each other.
    #[error("The message '{0}' hangs below itself: its parents never end in a first message.")]
    Cycle(MessageId),
    /// Too many.
    #[error("A chat has at most {MOST_MESSAGES} messages. Go on in a new one.")]
    TooMany,
    /// Too much text.
    #[error("A chat has at most 64 MiB of text and further fields. Go on in a new one.")]
    TooLarge,
    /// Too deep.
    #[error("A branch of a chat has at most {DEEPEST} messages. Go on in a new chat.")]
    TooDeep,
}

impl<'a> Tree<'a> {
    /// Takes the messages as they are; also those of a chat that was damaged.
    pub fn of(messages: &'a [Message]) -> Self {
        let by_id: HashMap<_, _> = messages.iter().map(|message| (&message.id, message)).collect();
        let mut children: HashMap<_, Vec<_>> = HashMap::new();
        let mut roots = Vec::new();
        for message in messages {
            match message.parent.as_ref().filter(|parent| by_id.contains_key(parent)) {
                Some(parent) => children.entry(parent).or_default().push(&message.id),
                None => roots.push(&message.id),
            }
        }
        Self { by_id, children, roots }
    }

    /// Takes the messages if they are a tree of reasonable size.
    pub fn checked(messages: &'a [Message]) -> Result<Self, TreeError> {
        if messages.len() > MOST_MESSAGES {
            return Err(TreeError::TooMany);
        }
        if text_of(messages) > MOST_TEXT {
            return Err(TreeError::TooLarge);
        }
        let mut seen = HashSet::new();
        if let Some(twice) = messages.iter().find(|message| !seen.insert(&message.id)) {
            return Err(TreeError::Twice(twice.id.clone()));
        }
        for message in messages {
            if let Some(parent) = message.parent.as_ref().filter(|parent| !seen.contains(parent)) {
                let (message, parent) = (message.id.clone(), parent.clone());
                return Err(TreeError::NoParent { message, parent });
            }
        }
        let tree = Self::of(messages);
        let reached = tree.reached_from_roots()?;
        match messages.iter().find(|message| !reached.contains(&message.id)) {
            // Every parent exists, so whatever no root leads to hangs below itself.
            Some(lost) => Err(TreeError::Cycle(lost.id.clone())),
            None => Ok(tree),
        }
    }

    fn reached_from_roots(&self) -> Result<HashSet<&'a MessageId>, TreeError> {
        let mut reached = HashSet::new();
        let mut next: VecDeque<_> = self.roots.iter().map(|root| (*root, 1)).collect();
        while let Some((id, depth)) = next.pop_front() {
            if depth > DEEPEST {
                return Err(TreeError::TooDeep);
            }
            reached.insert(id);
            next.extend(self.children(id).iter().map(|child| (*child, depth + 1)));
        }
        Ok(reached)
    }

    /// The message with this id.
    pub fn get(&self, id: &MessageId) -> Option<&'a Message> {
        self.by_id.get(id).copied()
    }

    /// What hangs directly below a message.
    pub fn children(&self, id: &MessageId) -> &[&'a MessageId] {
        self.children.get(id).map_or(&[], Vec::as_slice)
    }

    /// The branch that ends in this message, its first message first. Empty when there is no such message.
    pub fn path_to(&self, leaf: &MessageId) -> Vec<&'a Message> {
        let mut path = Vec::new();
        let mut next = self.get(leaf);
        while let Some(message) = next {
            path.push(message);
            // A damaged chat may go round in circles; each message is shown once.
            let has_room = path.len() < self.by_id.len();
            next = message.parent.as_ref().filter(|_| has_room).and_then(|parent| self.get(parent));
        }
        path.reverse();
        path
    }

    /// Everything below a message, itself included.
    pub fn below(&self, id: &MessageId) -> HashSet<&'a MessageId> {
        let mut found = HashSet::new();
        let mut next: Vec<_> = self.get(id).map(|message| &message.id).into_iter().collect();
        while let Some(id) = next.pop() {
            if found.insert(id) {
                next.extend(self.children(id));
            }
        }
        found
    }
}

/// Bytes of everything that is kept of these messages and can be long.
pub(crate) fn text_of(messages: &[Message]) -> usize {
    let of = |message: &Message| {
        let tools = message.tool_calls.iter().map(|call| call.arguments.len()).sum::<usize>();
        let reasoning = message.reasoning.as_ref().map_or(0, String::len);
        message.content.len() + reasoning + message.extra.len() + tools
    };
    messages.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::said;

    fn ids(path: &[&Message]) -> Vec<String> {
        path.iter().map(|message| message.id.to_string()).collect()
    }

    #[test]
    fn the_branch_shown_is_the_path_from_the_leaf_to_its_root() {
        let messages =
            [said("q", None), said("a1", Some("q")), said("a2", Some("q")), said("q2", Some("a2"))];
        let tree = Tree::checked(&messages).unwrap();
        assert_eq!(ids(&tree.path_to(&"q2".parse().unwrap())), ["q", "a2", "q2"]);
        assert_eq!(ids(&tree.path_to(&"a1".parse().unwrap())), ["q", "a1"]);
        assert!(tree.path_to(&"nobody".parse().unwrap()).is_empty());
    }

    #[test]
    fn siblings_keep_their_order_and_belong_to_what_is_below_their_parent() {
        let messages = [said("q", None), said("a1", Some("q")), said("a2", Some("q")), said("other", None)];
        let tree = Tree::checked(&messages).unwrap();
        let q = "q".parse().unwrap();
        assert_eq!(tree.children(&q).iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["a1", "a2"]);
        assert_eq!(tree.below(&q).len(), 3);
    }

    #[test]
    fn what_is_no_tree_is_refused_by_name() {
        let id = |text: &str| text.parse::<MessageId>().unwrap();
        let refused = |messages: &[Message]| Tree::checked(messages).map(drop).unwrap_err();

        let circle = [said("root", None), said("a", Some("b")), said("b", Some("a"))];
        assert_eq!(refused(&circle), TreeError::Cycle(id("a")));
        assert_eq!(refused(&[said("a", Some("a"))]), TreeError::Cycle(id("a")));
        let lost = TreeError::NoParent { message: id("a"), parent: id("x") };
        assert_eq!(refused(&[said("a", Some("x"))]), lost);
        assert_eq!(refused(&[said("a", None), said("a", None)]), TreeError::Twice(id("a")));
    }

    #[test]
    fn a_branch_that_is_too_deep_and_a_chat_that_is_too_large_are_refused() {
        let chain = |length: usize| -> Vec<Message> {
            let parent = |n: usize| n.checked_sub(1).map(|n| format!("m{n}"));
            (0..length).map(|n| said(&format!("m{n}"), parent(n).as_deref())).collect()
        };
        assert!(Tree::checked(&chain(DEEPEST)).is_ok());
        assert_eq!(Tree::checked(&chain(DEEPEST + 1)).map(drop).unwrap_err(), TreeError::TooDeep);
        let large = |size| vec![Message { content: "x".repeat(size), ..said("q", None) }];
        assert!(Tree::checked(&large(MOST_TEXT - 2)).is_ok());
        assert_eq!(Tree::checked(&large(MOST_TEXT + 1)).map(drop).unwrap_err(), TreeError::TooLarge);
        let wide: Vec<_> = (0..=MOST_MESSAGES).map(|n| said(&format!("m{n}"), None)).collect();
        assert_eq!(Tree::checked(&wide).map(drop).unwrap_err(), TreeError::TooMany);
    }

    #[test]
    fn a_damaged_chat_that_goes_round_in_circles_can_still_be_shown() {
        let messages = [said("a", Some("b")), said("b", Some("a"))];
        let tree = Tree::of(&messages);
        assert_eq!(tree.path_to(&"a".parse().unwrap()).len(), 2);
        assert_eq!(tree.below(&"a".parse().unwrap()).len(), 2);
    }
}
