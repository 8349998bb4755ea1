//! The server's short answers: agreed, refused, end.

use crate::source::{
    error::{ServerAnswer, SourceError},
    wire::Wire,
};

/// What a packet is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Answer {
    /// Agreed; also the first byte of an event, and of a row of the binary protocol.
    Agreed,
    /// Refused.
    Refused,
    /// The end of columns, rows or events.
    End,
    /// None of these.
    Other,
}

impl Answer {
    pub(in crate::source) const fn of(packet: &[u8]) -> Self {
        match packet {
            [0x00, ..] => Self::Agreed,
            [0xFF, ..] => Self::Refused,
            // A longer one is a row that begins with a huge text.
            [0xFE, ..] if packet.len() < 9 => Self::End,
            _ => Self::Other,
        }
    }

    /// What a packet that refuses says.
    pub(in crate::source) fn refusal(packet: &[u8]) -> SourceError {
        let mut wire = Wire(packet);
        let told = wire.u8().and_then(|_| wire.u16());
        let Ok(code) = told else {
            return SourceError::Protocol("an error without a number".to_owned());
        };
        // A state of five characters; without it before the login is through.
        let text = match wire.0 {
            [b'#', _, _, _, _, _, text @ ..] => text,
            text => text,
        };
        let message = String::from_utf8_lossy(text).into_owned();
        SourceError::Refused(ServerAnswer { code, message })
    }
}

/// Refuses what the server refuses.
pub(super) fn agreed(packet: &[u8]) -> Result<(), SourceError> {
    match Answer::of(packet) {
        Answer::Refused => Err(Answer::refusal(packet)),
        Answer::Other if packet.is_empty() => {
            Err(SourceError::Protocol("an empty answer".to_owned()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_with_and_without_its_state() {
        for packet in [&b"\xFF\x15\x04#28000no entry"[..], b"\xFF\x15\x04no entry"] {
            let SourceError::Refused(answer) = Answer::refusal(packet) else { panic!("no answer") };
            assert_eq!((answer.code, answer.message.as_str()), (1045, "no entry"));
        }
        assert!(matches!(Answer::refusal(&[0xFF, 1]), SourceError::Protocol(_)));
        assert!(agreed(&[]).is_err() && agreed(&[0]).is_ok() && agreed(&[0xFF, 1, 1]).is_err());
    }

    #[test]
    fn a_long_packet_is_no_end_whatever_it_begins_with() {
        assert_eq!(Answer::of(&[0xFE, 0, 0, 2, 0]), Answer::End);
        assert_eq!(Answer::of(&[0xFE; 9]), Answer::Other);
        assert_eq!(Answer::of(&[]), Answer::Other);
    }
}
