// Codes of a second factor (RFC 6238, SHA-1, six digits, 30 seconds).
import { createHmac } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function fromBase32(text) {
    const bytes = [];
    let bits = 0;
    let value = 0;
    for (const letter of text.toUpperCase().replace(/[\s=-]/g, "")) {
        value = (value << 5) | ALPHABET.indexOf(letter);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            bytes.push((value >> bits) & 0xff);
        }
        value &= 0xff;
    }
    return Buffer.from(bytes);
}

export function code(seed, step) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac("sha1", fromBase32(seed)).update(counter).digest();
    const number = mac.readUInt32BE(mac[19] & 0xf) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, "0");
}

export function step(now = Date.now()) {
    return Math.floor(now / 30_000);
}
