// The README's quick tour by a client that is generated from the OpenAPI document: openapi-typescript, openapi-fetch.
// node tour.js URL TOKEN ACCOUNT; prints one JSON object for the test.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

declare const process: { argv: string[] };

const [, , baseUrl = "", token = "", account = ""] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const path = { account };

function answered<Data>(answer: { data?: Data; error?: Schemas["ProblemDetails"] }): Data {
    if (answer.error !== undefined) {
        throw new Error(`${answer.error.status} ${answer.error.type}: ${answer.error.detail}`);
    }
    if (answer.data === undefined) {
        throw new Error("the answer has no content");
    }
    return answer.data;
}

async function configure(): Promise<string[]> {
    const created: { name: string }[] = [
        answered(await client.POST("/v1/accounts", { body: { account, name: "A tour" } })),
    ];
    const groups: Schemas["NewGroup"][] = [
        { key: "purchase", name: "Purchase", icon: "cart" },
        { key: "mail", name: "Mail", icon: "mail" },
    ];
    for (const body of groups) {
        created.push(answered(await client.POST("/v1/accounts/{account}/groups", { params: { path }, body })));
    }
    const definitions: Schemas["NewDefinition"][] = [
        {
            key: "deal_won",
            name: "Deal won",
            group: "purchase",
            icon: "trophy",
            default_points: 50,
            events: ["deal.won"],
        },
        {
            key: "email_opened",
            name: "Email opened",
            group: "mail",
            icon: "mail",
            default_points: 1,
            events: ["email.opened"],
            dedup: { policy: "cooldown", interval: "1h" },
        },
    ];
    for (const body of definitions) {
        created.push(answered(await client.POST("/v1/accounts/{account}/definitions", { params: { path }, body })));
    }
    return created.map((each) => each.name);
}

async function read(): Promise<{ scores: Record<string, number>; timeline: (string | null)[]; looked: (number | null)[] }> {
    const query = { sort: "-score", limit: 5 };
    const page = answered(await client.GET("/v1/accounts/{account}/contacts", { params: { path, query } }));
    const scores: Record<string, number> = {};
    for (const { id } of page.items) {
        const contact = answered(
            await client.GET("/v1/accounts/{account}/contacts/{contact}", { params: { path: { account, contact: id } } }),
        );
        scores[contact.id] = contact.profiles.find((each) => each.primary)?.overall ?? 0;
    }
    const timeline = answered(
        await client.GET("/v1/accounts/{account}/contacts/{contact}/timeline", {
            params: { path: { account, contact: "ann" } },
        }),
    );
    const lookup = answered(
        await client.POST("/v1/accounts/{account}/scores/lookup", {
            params: { path },
            body: { contacts: ["ann", "nobody"] },
        }),
    );
    return {
        scores,
        timeline: timeline.items.map((item) => item.verdict),
        looked: lookup.items.map((item) => item.contact?.overall ?? null),
    };
}

// Changes name the revision that was seen, and a problem has its type.
async function change(): Promise<string> {
    const at = { account, group: "mail" };
    const seen = await client.GET("/v1/accounts/{account}/groups/{group}", { params: { path: at } });
    const revision = seen.response.headers.get("ETag") ?? "";
    const renamed = { body: { name: "E-mail" }, params: { path: at, header: { "If-Match": revision } } };
    answered(await client.PATCH("/v1/accounts/{account}/groups/{group}", renamed));
    const { error } = await client.PATCH("/v1/accounts/{account}/groups/{group}", renamed);
    return error?.type ?? "";
}

const step = process.argv[5] === "read" ? { ...(await read()), stale: await change() } : { created: await configure() };
console.log(JSON.stringify(step));
