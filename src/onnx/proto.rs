//! As much of an ONNX file as tells which operators it asks for: protocol buffers, the outermost message only.

/// The fields of `ModelProto` and `OperatorSetIdProto` that are read (onnx.proto).
const GRAPH: u64 = 7;
const OPSETS: u64 = 8;
const DOMAIN: u64 = 1;
const VERSION: u64 = 2;

/// The version of ONNX's own operators that a file asks for.
pub(super) fn opset(bytes: &[u8]) -> Result<u64, String> {
    let broken = || "no ONNX network: its outermost fields cannot be read".to_owned();
    let (mut graph, mut opset) = (false, None);
    for field in fields(bytes).ok_or_else(broken)? {
        match field {
            (GRAPH, Value::Bytes(_)) => graph = true,
            (OPSETS, Value::Bytes(bytes)) => {
                let (mut own, mut version) = (true, None);
                for field in fields(bytes).ok_or_else(broken)? {
                    match field {
                        (DOMAIN, Value::Bytes(name)) => own = matches!(name, b"" | b"ai.onnx"),
                        (VERSION, Value::Number(number)) => version = Some(number),
                        _ => {}
                    }
                }
                if own {
                    opset = version;
                }
            }
            _ => {}
        }
    }
    match opset {
        Some(opset) if graph => Ok(opset),
        _ => Err("no ONNX network: a graph and the version of its operators are expected".to_owned()),
    }
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message; `None` where it is none.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(number(&mut bytes)?),
            1 => taken(&mut bytes, 8).map(|_| Value::Other)?,
            2 => {
                let length = usize::try_from(number(&mut bytes)?).ok()?;
                Value::Bytes(taken(&mut bytes, length)?)
            }
            5 => taken(&mut bytes, 4).map(|_| Value::Other)?,
            _ => return None,
        };
        out.push((key >> 3, value));
    }
    Some(out)
}

fn taken<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// A number of seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut out = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *taken(bytes, 1)?.first()?;
        out |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(out);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_of_its_operators_and_refuses_what_is_no_network() {
        let (_, network, _) = crate::embedded::assertion_model();
        assert!(opset(network).is_ok_and(|v| (10..100).contains(&v)));
        // ir_version 8; an empty graph; operators of others at 3, its own at 300.
        let file = b"\x08\x08\x3a\x00\x42\x05\x0a\x01x\x10\x03\x42\x03\x10\xac\x02";
        assert_eq!(opset(file), Ok(300));
        for end in 0..file.len() {
            assert!(opset(&file[..end]).is_err(), "cut at {end}");
        }
        assert!(opset(b"<html>not found</html>").is_err());
        assert!(opset(&[0xff; 64]).is_err());
        assert!(opset(b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").is_err(), "a length of 2^63");
    }
}
