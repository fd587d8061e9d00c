//! Messages: what was acknowledged is with each recipient once, and in the order in which its sender sent.

use std::collections::{BTreeMap, HashMap};

use super::Violation;

/// A message that somebody tried to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) sender: String,
    /// One more with each message of this sender.
    pub(crate) number: u64,
    pub(crate) recipients: Vec<String>,
    /// Whether an answer said that it was sent; otherwise it may have been.
    pub(crate) acknowledged: bool,
}

/// Who sent a message, and its number.
pub(crate) type Mark = (String, u64);

/// Checks what each recipient found, in the order in which it is shown, `oldest` first.
pub(crate) fn check(sent: &[Sent], inboxes: &BTreeMap<String, Vec<Mark>>) -> Vec<Violation> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(Violation::new("messages", what));
    let known: HashMap<(&str, u64), &Sent> =
        sent.iter().map(|message| ((message.sender.as_str(), message.number), message)).collect();
    for (recipient, inbox) in inboxes {
        let mut counts: HashMap<(&str, u64), usize> = HashMap::new();
        let mut last: HashMap<&str, u64> = HashMap::new();
        for (sender, number) in inbox {
            *counts.entry((sender, *number)).or_default() += 1;
            let before = last.insert(sender, *number).unwrap_or_default();
            if before > *number {
                fault(format!("{recipient} has message {number} of {sender} behind {before}"));
            }
            if !known.get(&(sender.as_str(), *number)).is_some_and(|sent| sent.recipients.contains(recipient)) {
                fault(format!("{recipient} has message {number} of {sender}, which was never sent to it"));
            }
        }
        for ((sender, number), count) in &counts {
            if *count > 1 {
                fault(format!("{recipient} has message {number} of {sender} {count} times"));
            }
        }
        for message in sent.iter().filter(|sent| sent.acknowledged && sent.recipients.contains(recipient)) {
            if !counts.contains_key(&(message.sender.as_str(), message.number)) {
                fault(format!("{recipient} never got message {} of {}", message.number, message.sender));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(number: u64, acknowledged: bool) -> Sent {
        Sent { sender: "s".to_owned(), number, recipients: vec!["r".to_owned()], acknowledged }
    }

    fn faults(inbox: &[u64]) -> usize {
        let inbox = inbox.iter().map(|number| ("s".to_owned(), *number)).collect();
        check(&[sent(1, true), sent(2, false), sent(3, true)], &BTreeMap::from([("r".to_owned(), inbox)])).len()
    }

    #[test]
    fn what_was_acknowledged_is_there_once_and_in_order() {
        assert_eq!(faults(&[1, 2, 3]), 0);
        assert_eq!(faults(&[1, 3]), 0, "nobody said that the second was sent");
        assert_eq!(faults(&[1, 2]), 1, "the third is lost");
        assert_eq!(faults(&[1, 2, 2, 3]), 1, "the second came twice");
        assert_eq!(faults(&[2, 1, 3]), 1, "out of order");
        assert_eq!(faults(&[1, 3, 4]), 1, "nobody sent the fourth");
    }

    #[test]
    fn a_message_is_with_its_recipients_alone() {
        let inbox = vec![("s".to_owned(), 1)];
        assert_eq!(check(&[sent(1, true)], &BTreeMap::from([("other".to_owned(), inbox)])).len(), 1);
    }
}
