//! The life of a stream (virtio 1.2, section 5.14.6.6.1).

use super::wire::{FORMAT_S16, Order, Parameters, RATE_48000, Status};
use oriel_display::audio::CHANNELS;

/// Bytes of a frame.
pub const FRAME_LEN: usize = CHANNELS * size_of::<i16>();

/// Where a stream is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is agreed on.
    #[default]
    New,
    /// Its parameters are, or it was released.
    Set,
    /// It takes buffers.
    Prepared,
    /// They are played, or filled.
    Running,
    /// It holds still; buffers stay.
    Stopped,
}

impl Phase {
    /// The phase after `order`.
    ///
    /// # Errors
    /// How to answer an order that is out of place, or parameters that the card has not.
    pub fn after(self, order: Order) -> Result<Self, Status> {
        match (order, self) {
            (Order::SetParameters(parameters), Self::New | Self::Set | Self::Prepared) => {
                check(parameters).map(|()| Self::Set)
            }
            (Order::Prepare, Self::Set | Self::Prepared) => Ok(Self::Prepared),
            (Order::Start, Self::Prepared | Self::Stopped) => Ok(Self::Running),
            (Order::Stop, Self::Running) => Ok(Self::Stopped),
            (Order::Release, Self::Prepared | Self::Stopped) => Ok(Self::Set),
            _ => Err(Status::BadMessage),
        }
    }

    /// Whether the guest may give it buffers.
    pub fn takes_buffers(self) -> bool {
        matches!(self, Self::Prepared | Self::Running | Self::Stopped)
    }
}

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

    pub const GOOD: Parameters = Parameters {
        buffer_bytes: 15_360,
        period_bytes: 3840,
        features: 0,
        channels: 2,
        format: FORMAT_S16,
        rate: RATE_48000,
    };

    #[test]
    fn every_order_in_every_phase_is_obeyed_or_refused() {
        use Phase::{New, Prepared, Running, Set, Stopped};
        let no = Err(Status::BadMessage);
        let table = [
            (Order::SetParameters(GOOD), [Ok(Set), Ok(Set), Ok(Set), no, no]),
            (Order::Prepare, [no, Ok(Prepared), Ok(Prepared), no, no]),
            (Order::Start, [no, no, Ok(Running), no, Ok(Running)]),
            (Order::Stop, [no, no, no, Ok(Stopped), no]),
            (Order::Release, [no, no, Ok(Set), no, Ok(Set)]),
        ];
        for (order, outcomes) in table {
            for (phase, outcome) in [New, Set, Prepared, Running, Stopped].into_iter().zip(outcomes) {
                assert_eq!(phase.after(order), outcome, "{order:?} in {phase:?}");
            }
        }
    }

    #[test]
    fn parameters_are_what_is_offered_and_make_sense() {
        let answer = |parameters| Phase::New.after(Order::SetParameters(parameters)).err();
        assert_eq!(answer(GOOD), None);
        for senseless in [
            Parameters { period_bytes: 0, ..GOOD },
            Parameters { buffer_bytes: 0, ..GOOD },
            Parameters { period_bytes: 3841, buffer_bytes: 38_410, ..GOOD },
            Parameters { buffer_bytes: 15_364, ..GOOD },
        ] {
            assert_eq!(answer(senseless), Some(Status::BadMessage), "{senseless:?}");
        }
        for other in [
            Parameters { channels: 1, ..GOOD },
            Parameters { format: 19, ..GOOD },
            Parameters { rate: 6, ..GOOD },
            Parameters { features: 1, ..GOOD },
        ] {
            assert_eq!(answer(other), Some(Status::NotSupported), "{other:?}");
        }
    }
}
