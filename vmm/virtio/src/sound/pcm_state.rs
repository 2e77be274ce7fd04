//! State machine of a PCM stream (VIRTIO 1.2, section 5.14.6.6.1).

use super::wire::{FORMAT_S16, Parameters, PcmCommand, RATE_48000, Status};
use oriel_display::audio::CHANNELS;

/// Size of a PCM frame in bytes: one sample of each channel.
pub const FRAME_LEN: usize = CHANNELS * size_of::<i16>();

/// State of a PCM stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PcmState {
    /// State before the first SET_PARAMS.
    #[default]
    Initial,
    /// State after SET_PARAMS or RELEASE.
    Configured,
    /// State after PREPARE: the stream accepts I/O messages.
    Prepared,
    /// State after START: I/O messages are played or filled.
    Running,
    /// State after STOP: the clock is stopped and I/O messages stay queued.
    Stopped,
}

impl PcmState {
    /// Returns the state after `command`.
    ///
    /// # Errors
    /// BAD_MSG for a command that is invalid in this state or has inconsistent parameters, NOT_SUPP for
    /// parameters that the card does not offer.
    pub fn apply(self, command: PcmCommand) -> Result<Self, Status> {
        match (command, self) {
            (PcmCommand::SetParameters(parameters), Self::Initial | Self::Configured | Self::Prepared) => {
                check(parameters).map(|()| Self::Configured)
            }
            (PcmCommand::Prepare, Self::Configured | Self::Prepared) => Ok(Self::Prepared),
            (PcmCommand::Start, Self::Prepared | Self::Stopped) => Ok(Self::Running),
            (PcmCommand::Stop, Self::Running) => Ok(Self::Stopped),
            (PcmCommand::Release, Self::Prepared | Self::Stopped) => Ok(Self::Configured),
            _ => Err(Status::BadMessage),
        }
    }

    /// Whether the driver may send I/O messages.
    pub fn accepts_messages(self) -> bool {
        matches!(self, Self::Prepared | Self::Running | Self::Stopped)
    }
}

/// Checks that the card supports the parameters.
fn check(parameters: Parameters) -> Result<(), Status> {
    let Parameters { buffer_bytes, period_bytes, features, channels, format, rate } = parameters;
    let whole = period_bytes != 0 && (period_bytes as usize).is_multiple_of(FRAME_LEN);
    if !whole || buffer_bytes == 0 || !buffer_bytes.is_multiple_of(period_bytes) {
        return Err(Status::BadMessage);
    }
    let offered = format == FORMAT_S16 && rate == RATE_48000 && usize::from(channels) == CHANNELS;
    if offered && features == 0 { Ok(()) } else { Err(Status::NotSupported) }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const VALID: Parameters = Parameters {
        buffer_bytes: 15_360,
        period_bytes: 3840,
        features: 0,
        channels: 2,
        format: FORMAT_S16,
        rate: RATE_48000,
    };

    #[test]
    fn every_command_in_every_state_is_applied_or_refused() {
        use PcmState::{Configured, Initial, Prepared, Running, Stopped};
        let no = Err(Status::BadMessage);
        let table = [
            (PcmCommand::SetParameters(VALID), [Ok(Configured), Ok(Configured), Ok(Configured), no, no]),
            (PcmCommand::Prepare, [no, Ok(Prepared), Ok(Prepared), no, no]),
            (PcmCommand::Start, [no, no, Ok(Running), no, Ok(Running)]),
            (PcmCommand::Stop, [no, no, no, Ok(Stopped), no]),
            (PcmCommand::Release, [no, no, Ok(Configured), no, Ok(Configured)]),
        ];
        for (command, outcomes) in table {
            for (state, outcome) in
                [Initial, Configured, Prepared, Running, Stopped].into_iter().zip(outcomes)
            {
                assert_eq!(state.apply(command), outcome, "{command:?} in {state:?}");
            }
        }
    }

    #[test]
    fn parameters_are_what_is_offered_and_make_sense() {
        let error = |parameters| PcmState::Initial.apply(PcmCommand::SetParameters(parameters)).err();
        assert_eq!(error(VALID), None);
        for senseless in [
            Parameters { period_bytes: 0, ..VALID },
            Parameters { buffer_bytes: 0, ..VALID },
            Parameters { period_bytes: 3841, buffer_bytes: 38_410, ..VALID },
            Parameters { buffer_bytes: 15_364, ..VALID },
        ] {
            assert_eq!(error(senseless), Some(Status::BadMessage), "{senseless:?}");
        }
        for other in [
            Parameters { channels: 1, ..VALID },
            Parameters { format: 19, ..VALID },
            Parameters { rate: 6, ..VALID },
            Parameters { features: 1, ..VALID },
        ] {
            assert_eq!(error(other), Some(Status::NotSupported), "{other:?}");
        }
    }
}
