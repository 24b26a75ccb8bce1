// A small fleet with one trouble of each kind, made by way of the API: always the same, whatever the clock says.
import assert from "node:assert/strict";

// What a field says when somebody means harm; none of it may become anything but text.
export const HOSTILE = `"><img src=x onerror=window.harm=1>'</td></script><script>window.harm=2</script>{{7*7}}`;

export const UNPLUGGED = "TC-200-0007";
export const HOSTILE_SERIAL = "TC-200-0012";

export class Api {
    constructor(base, token) {
        this.base = base;
        this.token = token;
    }

    async call(method, path, body, headers = {}) {
        if (this.token) headers.authorization = `Bearer ${this.token}`;
        if (body !== undefined) headers["content-type"] = "application/json";
        const answer = await fetch(`${this.base}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
        const text = await answer.text();
        assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
        return text ? JSON.parse(text) : null;
    }

    get(path) {
        return this.call("GET", path);
    }

    post(path, body) {
        return this.call("POST", path, body);
    }

    static async signIn(base, username, password) {
        const pair = await new Api(base).post("/auth/login", { username, password });
        return new Api(base, pair.access_token);
    }
}

const CUSTOMERS = [
    { company_name: "ABC Store Inc.", company_name_kana: "エービーシーストア", contact_person: "Yamada Taro" },
    { company_name: "Sakura Books", company_name_kana: "サクラブックス", contact_person: "佐藤 花子" },
    { company_name: "Harbour Coffee", company_name_kana: "ハーバーコーヒー", contact_person: "Mika Mori" },
    { company_name: HOSTILE, company_name_kana: HOSTILE, contact_person: HOSTILE, address: HOSTILE, notes: HOSTILE },
];

// Customer, store, and what its last heartbeat says. The n-th terminal is TC-200-000n.
const SKEWED = new Date(Date.now() - 3_600_000).toISOString();
const TERMINALS = [
    [0, "Shinjuku Store", {}],
    [0, "Shinjuku Store", {}],
    [0, "Shibuya Store", { device: { state: "error", error_code: 23 } }],
    [0, "Ikebukuro Store", {}],
    [1, "桜書店 本店", {}],
    [1, "桜書店 駅前店", { timestamp: SKEWED }],
    [2, "Yokohama Bay", { device: { state: "absent", error_code: 0 } }],
    [2, "Yokohama Bay", {}],
    [2, "Kamakura", {}],
    [1, "桜書店 本店", {}],
    [0, "Ikebukuro Store", {}],
    [3, HOSTILE, { device: { state: "error", error_code: 7 } }],
];

const WELL = { cpu_usage: 23, memory_usage: 48, disk_usage: 35, temperature: 44 };

export function beat(base, agent, report) {
    return new Api(base, agent.token).post("/agent/heartbeat", {
        serial_number: agent.serial,
        timestamp: new Date().toISOString(),
        status: "online",
        firmware_version: "2.0.0",
        agent_version: "1.0.0",
        ip_address: "192.168.1.100",
        metrics: WELL,
        device: { state: "ok", error_code: 0 },
        ...report,
    });
}

export async function enrol(base, root, customer_id, store_name, number) {
    const serial = `TC-200-${String(number).padStart(4, "0")}`;
    const store_code = String(number).padStart(3, "0");
    const { code } = await root.post("/enrollment-codes", { customer_id, store_name, store_code });
    const enrolled = await new Api(base).post("/agent/register", {
        serial_number: serial,
        enrollment_code: code,
        model: "TC-200",
        mac_address: "00:11:22:33:44:55",
        agent_version: "1.0.0",
        firmware_version: "2.0.0",
        hostname: "POS-001",
        os_info: { name: "Windows", version: "10", build: "19045" },
    });
    return { serial, id: enrolled.terminal_id, token: enrolled.agent_token };
}

function logs(base, agent, lines) {
    const line = ([level, type, message], n) => ({
        event_id: `${agent.serial}-${n}`,
        timestamp: new Date().toISOString(),
        level,
        type,
        message,
        details: { note: message },
    });
    return new Api(base, agent.token).post("/agent/logs", { serial_number: agent.serial, logs: lines.map(line) });
}

// Makes the fleet and waits until its alerts are there; returns the agents by serial number.
export async function makeFleet(base, root) {
    const customers = [];
    for (const customer of CUSTOMERS) {
        const rest = { contract_type: "standard", contact_phone: "03-1234-5678" };
        customers.push(await root.post("/customers", { ...rest, ...customer }));
    }
    const agents = new Map();
    for (const [index, [customer, store, report]] of TERMINALS.entries()) {
        const agent = await enrol(base, root, customers[customer].id, store, index + 1);
        agents.set(agent.serial, agent);
        for (const cpu_usage of [12, 31, 64, 38, 22, 17]) {
            await beat(base, agent, { metrics: { ...WELL, cpu_usage, temperature: 40 + (cpu_usage % 9) } });
        }
        await beat(base, agent, report);
    }
    await logs(base, agents.get(UNPLUGGED), [
        ["INFO", "agent", "agent started"],
        ["ERROR", "device", "the card reader was unplugged (USB port 2)"],
    ]);
    await logs(base, agents.get(HOSTILE_SERIAL), [["WARNING", "device", HOSTILE]]);
    await root.post("/maintenance", {
        terminal_id: agents.get("TC-200-0011").id,
        until: new Date(Date.now() + 3_600_000).toISOString(),
        reason: HOSTILE,
    });
    // The reconciler raises within a second; each question is a round trip, so this is no busy loop.
    const deadline = Date.now() + 20_000;
    for (;;) {
        const { meta } = await root.get("/alerts?is_resolved=false");
        if (meta.total >= 4) return agents;
        assert.ok(Date.now() < deadline, `only ${meta.total} alerts were raised`);
    }
}
