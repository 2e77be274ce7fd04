//! Real-time clock of a PC (Motorola MC146818 data sheet): the host's time in UTC, read-only. Alarm, periodic
//! interrupt and CMOS memory are not supported; other registers read as zero.

use crate::bus::Registers;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// MC146818 with its index port and its data port.
#[derive(Default)]
pub struct Rtc {
    /// Register that the data port accesses.
    index: AtomicU8,
}

impl Rtc {
    /// Number of I/O ports of the clock.
    pub const PORTS: u64 = 2;
}

const INDEX_OFFSET: u64 = 0;
const DATA_OFFSET: u64 = 1;
/// Register bits of the index port; on a PC, bit 7 masks the NMI.
const INDEX_MASK: u8 = 0x7F;

/// Value of register A: divider for a 32768 Hz crystal, periodic rate 1024 Hz.
const REGISTER_A_VALUE: u8 = 0x26;
/// UIP of register A: the time registers are about to change.
const UPDATE_IN_PROGRESS: u8 = 1 << 7;
/// Time from the start of UIP to the change of the time registers (t_BUC of the data sheet): a guest that
/// reads UIP clear has this long to read them.
const TIME_BEFORE_UPDATE: Duration = Duration::from_micros(244);
/// Value of register B: binary-coded decimal values, 24-hour mode.
const REGISTER_B_VALUE: u8 = 1 << 1;
/// Value of register D: VRT, the time is valid.
const REGISTER_D_VALUE: u8 = 1 << 7;

// Register indices, as `RTC_*` in Linux.
const SECONDS: u8 = 0x00;
const MINUTES: u8 = 0x02;
const HOURS: u8 = 0x04;
const DAY_OF_WEEK: u8 = 0x06;
const DAY_OF_MONTH: u8 = 0x07;
const MONTH: u8 = 0x08;
const YEAR: u8 = 0x09;
const REGISTER_A: u8 = 0x0A;
const REGISTER_B: u8 = 0x0B;
const REGISTER_D: u8 = 0x0D;
/// Index of the century register, a PC convention outside of the MC146818.
const CENTURY: u8 = 0x32;

const SECONDS_PER_DAY: u64 = 86_400;

/// Returns the value of register `index` at `now`, the time since 1970-01-01 00:00 UTC.
fn register_value(index: u8, now: Duration) -> u8 {
    let seconds = now.as_secs();
    let (day, second) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
    let (year, month, day_of_month) = civil_from_days(day);
    match index {
        SECONDS => to_bcd(second % 60),
        MINUTES => to_bcd(second / 60 % 60),
        HOURS => to_bcd(second / 3600),
        // Sunday is 1; 1 January 1970 was a Thursday.
        DAY_OF_WEEK => to_bcd((day + 4) % 7 + 1),
        DAY_OF_MONTH => to_bcd(day_of_month),
        MONTH => to_bcd(month),
        YEAR => to_bcd(year % 100),
        REGISTER_A if now.subsec_nanos() >= 1_000_000_000 - TIME_BEFORE_UPDATE.subsec_nanos() => {
            REGISTER_A_VALUE | UPDATE_IN_PROGRESS
        }
        REGISTER_A => REGISTER_A_VALUE,
        REGISTER_B => REGISTER_B_VALUE,
        REGISTER_D => REGISTER_D_VALUE,
        CENTURY => to_bcd(year / 100 % 100),
        _ => 0,
    }
}

/// Converts `value`, at most 99, to two binary-coded decimal digits.
fn to_bcd(value: u64) -> u8 {
    (((value / 10) << 4) | (value % 10)) as u8
}

/// Converts days since 1970-01-01 to year, month (from 1) and day (from 1) of the Gregorian calendar. The
/// algorithm counts years from March, so that a leap day is the last day of its year.
fn civil_from_days(day: u64) -> (u64, u64, u64) {
    const DAYS_TO_1970: u64 = 719_468;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let day = day + DAYS_TO_1970;
    let (era, day_of_era) = (day / DAYS_IN_400_YEARS, day % DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day_of_month)
}

impl Registers for Rtc {
    fn read(&self, offset: u64, data: &mut [u8]) {
        let [value] = data else { return };
        let index = self.index.load(Ordering::Relaxed);
        *value = match offset {
            DATA_OFFSET => {
                register_value(index, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
            }
            _ => index,
        };
    }

    fn write(&self, offset: u64, data: &[u8]) {
        if let (INDEX_OFFSET, [index]) = (offset, data) {
            self.index.store(index & INDEX_MASK, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Formats the registers' digits as year, month, day, day of the week, hour, minute, second.
    fn date_and_time(seconds: u64) -> String {
        let at = |index| register_value(index, Duration::from_secs(seconds));
        let [century, year, month, day] = [CENTURY, YEAR, MONTH, DAY_OF_MONTH].map(at);
        let [weekday, hour, minute, second] = [DAY_OF_WEEK, HOURS, MINUTES, SECONDS].map(at);
        format!(
            "{century:02x}{year:02x}-{month:02x}-{day:02x} {weekday} {hour:02x}:{minute:02x}:{second:02x}"
        )
    }

    #[test]
    fn dates_are_right_around_leap_days_and_centuries() {
        assert_eq!(date_and_time(0), "1970-01-01 5 00:00:00");
        assert_eq!(date_and_time(951_782_399), "2000-02-28 2 23:59:59");
        assert_eq!(date_and_time(951_782_400), "2000-02-29 3 00:00:00");
        assert_eq!(date_and_time(951_868_800), "2000-03-01 4 00:00:00");
        assert_eq!(date_and_time(1_735_689_599), "2024-12-31 3 23:59:59");
        assert_eq!(date_and_time(4_107_542_400), "2100-03-01 2 00:00:00", "2100 is no leap year");
    }

    #[test]
    fn uip_is_set_before_the_time_changes() {
        let flag = |nanos| register_value(REGISTER_A, Duration::new(1, nanos)) & UPDATE_IN_PROGRESS;
        assert_eq!(flag(0), 0);
        assert_eq!(flag(999_700_000), 0);
        assert_ne!(flag(999_756_000), 0);
        assert_ne!(flag(999_999_999), 0);
    }

    #[test]
    fn registers_are_selected_by_the_index_port_and_read_only() {
        let rtc = Rtc::default();
        let read = |index: u8| {
            rtc.write(INDEX_OFFSET, &[index]);
            let mut value = [0xFF];
            rtc.read(DATA_OFFSET, &mut value);
            value[0]
        };
        assert_eq!(read(0x80 | REGISTER_B), REGISTER_B_VALUE, "the NMI mask names no register");
        assert_eq!(read(REGISTER_D), REGISTER_D_VALUE);
        rtc.write(DATA_OFFSET, &[0]);
        assert_eq!(read(REGISTER_D), REGISTER_D_VALUE);
        assert!(read(YEAR) >= 0x25, "the host's year");
        let mut word = [0xFF; 2];
        rtc.read(DATA_OFFSET, &mut word);
        assert_eq!(word, [0xFF; 2], "registers are bytes");
    }
}
