//! Network addresses in the text that MariaDB prints for INET4 and INET6 (`sql/sql_type_inet.cc`, `to_string`).

use super::element::decimal;

/// Appends `a.b.c.d`.
pub fn append_inet4(out: &mut Vec<u8>, address: [u8; 4]) {
    for (index, byte) in address.into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        decimal(out, u64::from(byte), 1);
    }
}

/// Appends eight groups in lower case without leading zeros. The longest run of zero groups (the first of equally long
/// ones; one group is a run) becomes `::`. Addresses that embed an IPv4 address behind `::` or `::ffff:` end in its
/// dotted form.
pub fn append_inet6(out: &mut Vec<u8>, address: [u8; 16]) {
    let groups = u128::from_be_bytes(address);
    let group = |index: u32| u16::try_from(groups >> (112 - 16 * index) & 0xFFFF).unwrap_or(0);
    let (start, length) = longest_zero_run(group);
    let has_embedded = start == 0 && (length == 6 || (length == 5 && group(5) == 0xFFFF));
    let end = if has_embedded { 6 } else { 8 };
    let mut index = 0;
    while index < end {
        if length > 0 && index == start {
            out.extend_from_slice(if index == 0 { b"::" } else { b":" });
            index += length;
            continue;
        }
        append_hexadecimal(out, group(index));
        if index < 7 {
            out.push(b':');
        }
        index += 1;
    }
    if has_embedded && let Some((_, embedded)) = address.split_last_chunk() {
        append_inet4(out, *embedded);
    }
}

/// Where the longest run of zero groups begins and how long it is.
fn longest_zero_run(group: impl Fn(u32) -> u16) -> (u32, u32) {
    let (mut best, mut run) = ((0, 0), (0, 0));
    for index in 0..8 {
        run = if group(index) == 0 { (run.0, run.1 + 1) } else { (index + 1, 0) };
        if run.1 > best.1 {
            best = run;
        }
    }
    best
}

fn append_hexadecimal(out: &mut Vec<u8>, number: u16) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut has_digit = false;
    for shift in [12, 8, 4, 0] {
        let nibble = usize::from(number >> shift & 15);
        has_digit |= nibble != 0 || shift == 0;
        if has_digit {
            out.push(DIGITS.get(nibble).copied().unwrap_or(b'0'));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::*;

    fn print(address: [u8; 16]) -> String {
        let mut out = Vec::new();
        append_inet6(&mut out, address);
        String::from_utf8(out).unwrap()
    }

    /// Addresses and their text by MariaDB 11.8.9, `CAST(… AS INET6)`.
    #[test]
    fn addresses_print_as_the_server_prints_them() {
        for line in include_str!("testdata/inet6.txt").lines() {
            let (hex, text) = line.split_once('\t').unwrap();
            let address = u128::from_str_radix(hex, 16).unwrap().to_be_bytes();
            assert_eq!(print(address), text, "{hex}");
        }
    }

    #[test]
    fn four_bytes_are_dotted() {
        let mut out = Vec::new();
        append_inet4(&mut out, [192, 168, 0, 255]);
        assert_eq!(out, b"192.168.0.255");
    }

    proptest! {
        #[test]
        fn every_text_reads_back(groups in prop::array::uniform8(prop_oneof![Just(0_u16), any::<u16>(), 0_u16..16])) {
            let address: Ipv6Addr = groups.into();
            prop_assert_eq!(print(address.octets()).parse::<Ipv6Addr>().unwrap(), address);
        }
    }
}
