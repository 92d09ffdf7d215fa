const main = document.querySelector("main");

async function show() {
	const [, section, id] = location.pathname.split("/");
	main.replaceChildren();
	if (section === "boats") {
		const answer = await fetch("/api/boats/" + encodeURIComponent(id));
		main.append(element("h1", answer.ok ? await answer.json() : "No such boat"));
		return;
	}
	const list = element("ul");
	(await (await fetch("/api/boats")).json()).forEach((name, i) => {
		const link = element("a", name);
		link.href = "/boats/" + i;
		const item = element("li");
		item.append(link);
		list.append(item);
	});
	main.append(element("h1", "Boats"), list);
}

function element(name, text = "") {
	const e = document.createElement(name);
	e.textContent = text;
	return e;
}

document.addEventListener("click", event => {
	const link = event.target.closest("a");
	if (!link || event.ctrlKey || event.metaKey) return;
	event.preventDefault();
	history.pushState(null, "", link.href);
	show();
});
addEventListener("popstate", show);
show();
